import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { deltaTypeNamed, duckDbTypeOf } from '../duckdb/column-type.ts';
import { quoteName } from '../sql/sql-text.ts';
import { FILE_COLUMN, locateFiles, selectSnapshot } from '../catalog/table-view.ts';
import { writeDataFiles } from '../duckdb/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { type DeltaStruct, deltaField, mergeSchemas } from '../table/delta-schema.ts';
import { ANY, type FilePredicate, type Literal } from '../table/file-predicate.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { SORT_PROPERTY } from '../table/table-properties.ts';
import type { Transaction } from '../table/transaction.ts';
import { DATASET_TYPES, type DatasetColumn, type DatasetSchema } from './dataset-schema.ts';
import { changesLimits, recordLimits } from './table-limits.ts';

/** Result of merging staged rows into a table. */
export interface MergedRows {
  readonly addedCount: number;
  readonly changedCount: number;
  readonly version: number;
  readonly isCommitted: boolean;
  /** Columns that were added to the table. */
  readonly newColumns: readonly string[];
}

/** Where staged rows are merged, and by which software. */
export interface MergeTarget {
  readonly store: ObjectStore;
  readonly partitionBy: readonly string[];
  readonly scratchDir: string;
  readonly software: string;
  readonly source: string;
  readonly limits: ImageLimits;
}

/** The Delta schema of a table that holds a dataset: its own columns, then the image columns. */
export function toTableSchema(schema: DatasetSchema): DeltaStruct {
  const fields = [...schema.columns, ...IMAGE_COLUMNS].map(({ name, type }) =>
    deltaField(name, deltaTypeNamed(type)),
  );
  return { type: 'struct', fields };
}

/** Dataset types of a table's columns, by name, for types that a dataset can have. */
export function datasetTypesOf({ fields }: DeltaStruct): Map<string, DatasetColumn['type']> {
  const found = fields.map(
    ({ name, type }) => [name, DATASET_TYPES.find((own) => deltaTypeNamed(own) === type)] as const,
  );
  return new Map(found.flatMap(([name, type]) => (type === undefined ? [] : [[name, type]])));
}

/** The schema of a table after a dataset is merged. @throws `SCHEMA_MISMATCH` if the two are incompatible */
export function fitSchema(
  base: Snapshot | undefined,
  schema: DeltaStruct,
  partitionBy: readonly string[] | undefined,
): DeltaStruct {
  if (base === undefined) return schema;
  if (partitionBy !== undefined && partitionBy.join() !== base.partitionColumns.join()) {
    const message = `${base.folder} is partitioned by ${base.partitionColumns.join(', ') || 'nothing'}`;
    throw new PixlakeError('SCHEMA_MISMATCH', message, { remedy: 'ingest into another table with --table' });
  }
  return mergeSchemas(base.schema, schema, base.folder);
}

/**
 * Merges the staging table `incoming` into a table by id. Rows that are new or differ in any column are written, together with the
 * unchanged rows of the data files with their older versions; these files are then removed. Columns that only the source has
 * are added to the table, columns that only the table has keep their values. Commits only if something changed.
 *
 * @throws `COMMIT_CONFLICT`, `SCHEMA_MISMATCH`, `CONSTRAINT_VIOLATED`, storage errors
 */
export async function mergeRows(
  db: DuckDb,
  schema: DatasetSchema,
  target: MergeTarget,
  transaction: Transaction,
): Promise<MergedRows> {
  const { store } = target;
  const { base, folder } = transaction;
  const tableSchema = fitSchema(base, toTableSchema(schema), undefined);
  const id = quoteName(schema.idColumn);
  const columns = tableSchema.fields.map((field) => quoteName(field.name)).join(', ');
  await createChanges(db, store, schema, base, tableSchema);
  const [counts] = await db.rows<{ changes: bigint; changed: bigint }>(
    `SELECT (SELECT count(*) FROM changes) AS changes, (SELECT count(*) FROM touched) AS changed`,
  );
  const changedCount = Number(counts?.changed ?? 0);
  const addedCount = Number(counts?.changes ?? 0) - changedCount;
  const knownCount = base?.schema.fields.length ?? tableSchema.fields.length;
  const newColumns = tableSchema.fields.slice(knownCount).map(({ name }) => name);
  const isSame = addedCount + changedCount + newColumns.length === 0 && !changesLimits(base, target.limits);
  if (base !== undefined && isSame) {
    return { addedCount, changedCount, version: base.version, isCommitted: false, newColumns };
  }
  const touchedFiles = base === undefined ? [] : await findTouchedFiles(db, store, base);
  const kept =
    touchedFiles.length === 0
      ? ''
      : `UNION ALL SELECT ${columns} FROM present
           WHERE ${FILE_COLUMN} IN (SELECT ${FILE_COLUMN} FROM touched) AND ${id} NOT IN (SELECT ${id} FROM changes)`;
  const order = [...target.partitionBy, ...schema.sortBy, schema.idColumn].map(quoteName).join(', ');
  const added = await writeDataFiles(db, store, {
    query: `SELECT * FROM (SELECT ${columns} FROM changes ${kept}) ORDER BY ${order}`,
    schema: tableSchema,
    partitionColumns: target.partitionBy,
    folder,
    scratchDir: target.scratchDir,
  });
  transaction.add(added);
  transaction.remove(touchedFiles);
  transaction.setMetadata({
    schema: tableSchema,
    partitionColumns: target.partitionBy,
    configuration: {
      ...(base === undefined ? { [SORT_PROPERTY]: JSON.stringify([...schema.sortBy, schema.idColumn]) } : {}),
      ...recordLimits(base, target.limits),
    },
  });
  const version = await transaction.commit({
    reads: await idRange(db, schema),
    rowDelta: addedCount,
    operation: changedCount === 0 ? 'WRITE' : 'MERGE',
    parameters: { source: target.source },
    metrics: {
      numAddedRows: addedCount,
      numChangedRows: changedCount,
      numAddedFiles: added.length,
      numRemovedFiles: touchedFiles.length,
    },
    software: target.software,
  });
  return { addedCount, changedCount, version, isCommitted: true, newColumns };
}

/** Makes `present`, the rows of the table; `changes`, the rows to write; and `touched`, the rows that they replace and their files. */
async function createChanges(
  db: DuckDb,
  store: ObjectStore,
  schema: DatasetSchema,
  base: Snapshot | undefined,
  tableSchema: DeltaStruct,
): Promise<void> {
  const id = quoteName(schema.idColumn);
  const columns = tableSchema.fields.map((field) => quoteName(field.name)).join(', ');
  const { files = [], partitionColumns = [] } = base ?? {};
  const present = await selectSnapshot(
    db,
    store,
    { schema: tableSchema, partitionColumns, files },
    { withFile: true },
  );
  await db.run(`CREATE OR REPLACE VIEW present AS ${present}`);
  const sourced = new Set([...schema.columns, ...IMAGE_COLUMNS].map(({ name }) => name));
  const selected = tableSchema.fields.map(({ name, type }) =>
    sourced.has(name)
      ? `incoming.${quoteName(name)}::${duckDbTypeOf(type)} AS ${quoteName(name)}`
      : `present.${quoteName(name)}`,
  );
  const isWhole = tableSchema.fields.every(({ name }) => sourced.has(name));
  const joined = isWhole ? '' : `LEFT JOIN present ON present.${id} = incoming.${id}`;
  await db.run(`
    CREATE OR REPLACE TABLE changes AS
      SELECT ${selected.join(', ')} FROM incoming ${joined} EXCEPT SELECT ${columns} FROM present`);
  await db.run(
    `CREATE OR REPLACE TABLE touched AS SELECT ${FILE_COLUMN}, ${id} FROM present SEMI JOIN changes USING (${id})`,
  );
}

/** Rows that no other writer may add meanwhile: those with ids in the range of the changes. */
async function idRange(db: DuckDb, schema: DatasetSchema): Promise<FilePredicate> {
  const id = quoteName(schema.idColumn);
  const [range] = await db.rows<{ min: unknown; max: unknown }>(
    `SELECT min(${id}) AS min, max(${id}) AS max FROM changes`,
  );
  const min = toLiteral(range?.min);
  const max = toLiteral(range?.max);
  if (min === undefined || max === undefined) return ANY;
  return {
    kind: 'and',
    parts: [
      { kind: 'compare', column: schema.idColumn, comparison: '>=', literal: min },
      { kind: 'compare', column: schema.idColumn, comparison: '<=', literal: max },
    ],
  };
}

function toLiteral(value: unknown): Literal | undefined {
  if (typeof value === 'string') return { kind: 'string', value };
  return typeof value === 'number' || typeof value === 'bigint'
    ? { kind: 'number', value: Number(value) }
    : undefined;
}

async function findTouchedFiles(db: DuckDb, store: ObjectStore, base: Snapshot): Promise<Snapshot['files']> {
  const rows = await db.rows<{ path: string }>(`SELECT DISTINCT ${FILE_COLUMN} AS path FROM touched`);
  const touched = new Set(rows.map((row) => row.path));
  const paths = await locateFiles(db, store, base.files);
  return base.files.filter((_file, index) => touched.has(paths[index] ?? ''));
}
