import type { DuckDb } from '../engine/open-duckdb.ts';
import { quoteName } from '../engine/sql-text.ts';
import { FILE_COLUMN, selectSnapshot } from '../engine/table-view.ts';
import { writeDataFiles } from '../engine/write-data-files.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { commitTable } from '../table/commit-table.ts';
import { type DeltaStruct, type DeltaType, deltaField, isSameSchema } from '../table/delta-schema.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { Snapshot } from '../table/snapshot.ts';
import type { DatasetSchema } from './dataset-schema.ts';

/** What merging staged rows into a table changed. */
export interface MergedRows {
  readonly addedCount: number;
  readonly changedCount: number;
  readonly version: number;
  readonly isCommitted: boolean;
}

/** Where staged rows are merged, and by whom. */
export interface MergeTarget {
  readonly store: ObjectStore;
  readonly folder: string;
  readonly base: Snapshot | undefined;
  readonly partitionBy: readonly string[];
  readonly scratchDir: string;
  readonly engine: string;
  readonly source: string;
}

const DELTA_TYPES: Readonly<Record<string, DeltaType>> = {
  BIGINT: 'long',
  INTEGER: 'integer',
  DOUBLE: 'double',
  BOOLEAN: 'boolean',
  VARCHAR: 'string',
};

/** The Delta schema of a table that holds a dataset: its own columns, then the image columns. */
export function toTableSchema(schema: DatasetSchema): DeltaStruct {
  const fields = [...schema.columns, ...IMAGE_COLUMNS].map(({ name, type }) =>
    deltaField(name, DELTA_TYPES[type] ?? 'string'),
  );
  return { type: 'struct', fields };
}

/** Checks that a dataset fits the table it is ingested into. @throws `SCHEMA_MISMATCH` */
export function checkFits(
  base: Snapshot,
  schema: DeltaStruct,
  partitionBy: readonly string[] | undefined,
): void {
  const remedy = 'ingest into another table with --table';
  if (!isSameSchema(base.schema, schema)) {
    const describe = ({ fields }: DeltaStruct): string[] =>
      fields.map((field) => `${field.name} ${JSON.stringify(field.type)}`);
    const have = new Set(describe(base.schema));
    const want = new Set(describe(schema));
    const missing = [...have].filter((column) => !want.has(column));
    const extra = [...want].filter((column) => !have.has(column));
    const message = `the columns do not fit ${base.folder}: missing ${missing.join(', ') || 'none'}; new ${extra.join(', ') || 'none'}`;
    throw new PixlakeError('SCHEMA_MISMATCH', message, { remedy });
  }
  if (partitionBy !== undefined && partitionBy.join() !== base.partitionColumns.join()) {
    const message = `${base.folder} is partitioned by ${base.partitionColumns.join(', ') || 'nothing'}`;
    throw new PixlakeError('SCHEMA_MISMATCH', message, { remedy });
  }
}

/**
 * Merges the staging table `incoming` (columns as the table's) into a table by id: rows that are new or differ in any column are written,
 * together with the untouched rows of those data files that hold older versions of them; these files are then taken out. Commits only if
 * there is something to commit.
 *
 * @throws `COMMIT_CONFLICT`, storage errors
 */
export async function mergeRows(db: DuckDb, schema: DatasetSchema, target: MergeTarget): Promise<MergedRows> {
  const { store, base } = target;
  const tableSchema = base?.schema ?? toTableSchema(schema);
  const id = quoteName(schema.idColumn);
  const columns = tableSchema.fields.map((field) => quoteName(field.name)).join(', ');
  if (base === undefined) {
    await db.run(`CREATE VIEW changes AS SELECT ${columns} FROM incoming`);
  } else {
    await db.run(`CREATE VIEW present AS ${selectSnapshot(store, base, { withFile: true })}`);
    await db.run(`
      CREATE TABLE changes AS
        SELECT ${columns} FROM incoming EXCEPT SELECT ${columns} FROM present`);
    await db.run(
      `CREATE TABLE touched AS SELECT ${FILE_COLUMN}, ${id} FROM present SEMI JOIN changes USING (${id})`,
    );
  }
  const [counts] = await db.rows<{ changes: bigint; changed: bigint }>(`
    SELECT (SELECT count(*) FROM changes) AS changes, ${base ? '(SELECT count(*) FROM touched)' : '0::BIGINT'} AS changed`);
  const changedCount = Number(counts?.changed ?? 0);
  const addedCount = Number(counts?.changes ?? 0) - changedCount;
  if (base !== undefined && addedCount + changedCount === 0) {
    return { addedCount, changedCount, version: base.version, isCommitted: false };
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
    folder: target.folder,
    scratchDir: target.scratchDir,
  });
  const version = await commitTable(store, {
    folder: target.folder,
    base,
    schema: tableSchema,
    partitionColumns: target.partitionBy,
    added,
    removed: touchedFiles,
    operation: changedCount === 0 ? 'WRITE' : 'MERGE',
    parameters: { source: target.source },
    metrics: {
      numAddedRows: addedCount,
      numChangedRows: changedCount,
      numAddedFiles: added.length,
      numRemovedFiles: touchedFiles.length,
    },
    engine: target.engine,
  });
  return { addedCount, changedCount, version, isCommitted: true };
}

async function findTouchedFiles(db: DuckDb, store: ObjectStore, base: Snapshot): Promise<Snapshot['files']> {
  const rows = await db.rows<{ path: string }>(`SELECT DISTINCT ${FILE_COLUMN} AS path FROM touched`);
  const touched = new Set(rows.map((row) => row.path));
  return base.files.filter((file) => touched.has(store.locate(file.key)));
}
