import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { resolve } from 'node:path';
import { PixlakeError } from '../errors.ts';
import { tableFolder, attachmentKey } from '../storage/lake-layout.ts';
import { type DuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import { schemeOf } from '../storage/open-store.ts';
import { listParquetFiles } from './parquet-folder.ts';
import { quoteText } from '../sql/sql-text.ts';
import { listLog } from '../table/log-listing.ts';
import { deltaField, type DeltaField, type DeltaType } from '../table/delta-schema.ts';
import { type Attachment, openPlace, listAttachedNames } from './attached-table.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { encodeStored } from '../storage/stored-json.ts';
import { rowBatches } from '../duckdb/result-stream.ts';
import { deltaTypeOf, duckDbTypeOf } from '../duckdb/column-type.ts';
import { readSnapshotAsOf } from '../table/read-snapshot.ts';
import { locateFiles } from './table-view.ts';
import type { DataFile } from '../table/snapshot.ts';

/**
 * Registers a Delta table, a folder of Parquet files or one such file as a read-only table of a lake. Nothing is copied.
 *
 * @throws `TABLE_EXISTS`, `TABLE_NOT_FOUND` if the URI is none of these, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function attachTable(store: ObjectStore, name: string, uri: string): Promise<Attachment> {
  const isTaken =
    (await listLog(store, tableFolder(name))) !== undefined ||
    (await listAttachedNames(store)).includes(name);
  if (isTaken) throw nameTaken(store, name);
  const described = await describe(store, schemeOf(uri) === undefined ? resolve(uri) : uri);
  const bytes = encodeStored({ ...described });
  if (!(await store.writeIfAbsent(attachmentKey(name), bytes))) throw nameTaken(store, name);
  return described;
}

function nameTaken(store: ObjectStore, name: string): PixlakeError {
  return new PixlakeError('TABLE_EXISTS', `${store.uri} already has a table ${name}`, {
    remedy: 'choose another name, or free this one with `pixlake detach` if it is an attached table',
  });
}

async function describe(lake: ObjectStore, uri: string): Promise<Attachment> {
  const { store, folder } = openPlace(uri, lake.s3);
  if ((await readSnapshotAsOf(store, folder, undefined)) !== undefined) return { format: 'delta', uri };
  const files = await listParquetFiles(store, folder);
  if (files.length === 0) {
    throw new PixlakeError('TABLE_NOT_FOUND', `no Delta table and no Parquet file exists at ${uri}`);
  }
  const { fields, partitionColumns } = await describeFiles(lake, store, files);
  return {
    format: 'parquet',
    uri,
    schemaString: JSON.stringify({ type: 'struct', fields }),
    partitionColumns,
  };
}

/** The columns of the files, followed by partition columns that only folder names have. */
async function describeFiles(
  lake: ObjectStore,
  store: ObjectStore,
  files: readonly DataFile[],
): Promise<{ fields: DeltaField[]; partitionColumns: string[] }> {
  try {
    return await withDuckDb(lake, async (db) => {
      const paths = (await locateFiles(db, store, files)).map(quoteText).join(', ');
      const result = await db.connection.stream(
        `FROM read_parquet([${paths}], union_by_name = true, hive_partitioning = false) LIMIT 0`,
      );
      const fields = rowBatches(result).columns.map(({ name, type }): DeltaField => {
        const deltaType = deltaTypeOf(type);
        // Read-only tables may have this type, for which pixlake's own tables would need a newer protocol.
        const isZoneless = deltaType === 'timestamp' && !String(type).includes('WITH TIME ZONE');
        return { name, type: isZoneless ? 'timestamp_ntz' : deltaType, nullable: true, metadata: {} };
      });
      const held = new Set(fields.map(({ name }) => name.toLowerCase()));
      const partitionColumns = sharedPartitions(files).filter((name) => !held.has(name.toLowerCase()));
      for (const name of partitionColumns) {
        const values = new Set(files.map(({ partitionValues }) => partitionValues[name] ?? null));
        fields.push(deltaField(name, await inferType(db, [...values])));
      }
      return { fields, partitionColumns };
    });
  } catch (error) {
    throw sqlError(error);
  }
}

/** The narrowest type that fits the values in folder names, of those that DuckDB considers (`hive_types_autocast`). */
async function inferType(db: DuckDb, values: readonly (string | null)[]): Promise<DeltaType> {
  const texts = values.filter((value) => value !== null);
  for (const { deltaType, form } of FOLDER_TYPES) {
    // A cast alone would round 7.5, and cut the time off a date.
    if (!texts.every((text) => form.test(text))) continue;
    const [found] = await db.rows<{ fits: boolean | null }>(
      `SELECT bool_and(try_cast(v AS ${duckDbTypeOf(deltaType)}) IS NOT NULL) AS fits FROM unnest([${texts.map(quoteText).join(', ')}]::VARCHAR[]) AS t(v)`,
    );
    if (found?.fits === true) return deltaType;
  }
  return 'string';
}

const FOLDER_TYPES = [
  { deltaType: 'date', form: /^\d+-\d+-\d+$/u },
  { deltaType: 'timestamp_ntz', form: /^\d+-\d+-\d+(?:[ T][\d:.]+)?$/u },
  { deltaType: 'long', form: /^-?\d+$/u },
] as const;

/** Names of the `name=value` folders that are on the path of every file. */
function sharedPartitions(files: readonly DataFile[]): string[] {
  const [first, ...others] = files;
  return Object.keys(first?.partitionValues ?? {}).filter((name) =>
    others.every(({ partitionValues }) => Object.hasOwn(partitionValues, name)),
  );
}
