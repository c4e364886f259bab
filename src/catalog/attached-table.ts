import { rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import { ATTACHED_FOLDER, attachmentKey, tableFolder } from '../storage/lake-layout.ts';
import { decodeStoredOrOlder, encodeStored } from '../storage/stored-json.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { openStore, schemeOf } from '../storage/open-store.ts';
import type { S3Options } from '../storage/s3-options.ts';
import type { AsOf } from '../table/as-of.ts';
import { encodeDataPath } from '../table/data-path.ts';
import { type DeltaField, deltaField, type DeltaType, parseSchema } from '../table/delta-schema.ts';
import { listLog } from '../table/log-listing.ts';
import { PROTOCOL } from '../table/protocol.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import { readSnapshotAsOf } from '../table/table-history.ts';
import { deltaTypeOf, duckDbTypeOf } from '../duckdb/column-type.ts';
import type { FoundTable } from './found-table.ts';
import { type DuckDb, openDuckDb, sqlError } from '../duckdb/open-duckdb.ts';
import { rowBatches } from '../duckdb/result-stream.ts';
import { quoteText } from '../sql/sql-text.ts';
import { locateFiles } from './table-view.ts';

const attachment = z.discriminatedUnion('format', [
  z.object({ format: z.literal('delta'), uri: z.string() }),
  z.object({
    format: z.literal('parquet'),
    uri: z.string(),
    schemaString: z.string(),
    partitionColumns: z.array(z.string()),
  }),
]);

/** The description of an attached table. Columns of Parquet files are those at the time of attaching. */
export type Attachment = Readonly<z.output<typeof attachment>>;

/** Names of a lake's attached tables, sorted. */
export async function listAttachedNames(store: ObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(ATTACHED_FOLDER)) {
    if (key.endsWith('.json')) names.push(key.slice(ATTACHED_FOLDER.length + 1, -'.json'.length));
  }
  return names.sort();
}

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

/** Detaches a table; its files stay. @throws `TABLE_NOT_FOUND` */
export async function detachTable(store: ObjectStore, name: string): Promise<void> {
  if ((await store.stat(attachmentKey(name))) === undefined)
    throw new PixlakeError('TABLE_NOT_FOUND', `no table ${name} is attached to ${store.uri}`);
  await store.delete(attachmentKey(name));
}

/** Names and URIs of a lake's attached tables. Descriptions that cannot be read are left out. */
export async function listAttachments(store: ObjectStore): Promise<{ name: string; uri: string }[]> {
  const found: { name: string; uri: string }[] = [];
  for (const name of await listAttachedNames(store)) {
    try {
      const known = await readAttachment(store, name);
      if (known !== undefined) found.push({ name, uri: known.uri });
    } catch (error) {
      if (!(error instanceof PixlakeError)) throw error;
    }
  }
  return found;
}

/** Checks that a name is not that of an attached table. @throws `TABLE_READ_ONLY` */
export async function checkNotAttached(store: ObjectStore, name: string): Promise<void> {
  if ((await store.stat(attachmentKey(name))) === undefined) return;
  throw new PixlakeError('TABLE_READ_ONLY', `${name} is an attached table and can only be read`, {
    remedy: 'ingest into another table with --table',
  });
}

/** Opens an attached table; `undefined` if none has that name. @throws `SNAPSHOT_NOT_FOUND`, `TABLE_…` */
export async function openAttached(
  lake: ObjectStore,
  name: string,
  asOf: AsOf | undefined,
): Promise<FoundTable | undefined> {
  const known = await readAttachment(lake, name);
  if (known === undefined) return undefined;
  const { store, folder } = openPlace(known.uri, lake.s3);
  const snapshot =
    known.format === 'delta'
      ? await readSnapshotAsOf(store, folder, asOf)
      : await listParquetSnapshot(store, folder, known, asOf);
  if (snapshot !== undefined) return { store, snapshot, isAttached: true };
  throw new PixlakeError('TABLE_NOT_FOUND', `the attached table ${name} is no longer at ${known.uri}`, {
    remedy: `run \`pixlake detach ${name}\`, or bring the files back`,
  });
}

async function readAttachment(lake: ObjectStore, name: string): Promise<Attachment | undefined> {
  const key = attachmentKey(name);
  const bytes = await readIfPresent(lake, key);
  if (bytes === undefined) return undefined;
  try {
    return attachment.parse(decodeStoredOrOlder(bytes, key));
  } catch (error) {
    throw new PixlakeError('TABLE_CORRUPT', `${key} in ${lake.uri} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The store is opened on the parent folder, so the table itself is a key in it. */
function openPlace(uri: string, s3: S3Options): { store: ObjectStore; folder: string } {
  const place = uri.replace(/\/+$/u, '');
  return { store: openStore(dirname(place), s3), folder: basename(place) };
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
  const scratchDir = await lake.makeScratchDir();
  try {
    using db = await openDuckDb({ scratchDir });
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
  } catch (error) {
    throw sqlError(error);
  } finally {
    await rm(scratchDir, { recursive: true, force: true });
  }
}

/** The narrowest type that fits the values in folder names, of those that DuckDB considers (`hive_types_autocast`). */
async function inferType(db: DuckDb, values: readonly (string | null)[]): Promise<DeltaType> {
  const list = values.map((value) => (value === null ? 'NULL' : quoteText(value))).join(', ');
  for (const deltaType of FOLDER_TYPES) {
    const [found] = await db.rows<{ fits: boolean | null }>(
      `SELECT bool_and(try_cast(v AS ${duckDbTypeOf(deltaType)}) IS NOT NULL) AS fits FROM unnest([${list}]::VARCHAR[]) AS t(v) WHERE v IS NOT NULL`,
    );
    if (found?.fits === true) return deltaType;
  }
  return 'string';
}

const FOLDER_TYPES = ['date', 'timestamp_ntz', 'long'] as const;

/** Parquet files below a folder, or the file with that key. Other tools hide files whose names begin with `_` or `.`. */
async function listParquetFiles(store: ObjectStore, folder: string): Promise<DataFile[]> {
  const single = await store.stat(folder);
  if (single !== undefined) return [toDataFile(folder, single)];
  const files: DataFile[] = [];
  for await (const entry of store.list(folder)) {
    const { key } = entry;
    const isHidden = key
      .slice(folder.length + 1)
      .split('/')
      .some((part) => /^[._]/u.test(part));
    if (!isHidden && /\.parquet$/iu.test(key)) files.push(toDataFile(folder, entry));
  }
  return files.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function toDataFile(folder: string, { key, sizeBytes, modifiedMs }: ObjectEntry): DataFile {
  const path = key === folder ? basename(key) : key.slice(folder.length + 1);
  const folders = path.split('/').slice(0, -1);
  const values = folders.flatMap((part) => {
    const equals = part.indexOf('=');
    return equals === -1 ? [] : [[part.slice(0, equals), decodeValue(part.slice(equals + 1))] as const];
  });
  const partitionValues = Object.fromEntries(values);
  const add = {
    path: encodeDataPath(path),
    partitionValues,
    size: sizeBytes,
    modificationTime: modifiedMs,
    dataChange: true,
  };
  return { key, sizeBytes, partitionValues, add };
}

function decodeValue(text: string): string | null {
  if (text === '__HIVE_DEFAULT_PARTITION__') return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Names of the `name=value` folders that are on the path of every file. */
function sharedPartitions(files: readonly DataFile[]): string[] {
  const [first, ...others] = files;
  return Object.keys(first?.partitionValues ?? {}).filter((name) =>
    others.every(({ partitionValues }) => Object.hasOwn(partitionValues, name)),
  );
}

async function listParquetSnapshot(
  store: ObjectStore,
  folder: string,
  { schemaString, partitionColumns }: Extract<Attachment, { format: 'parquet' }>,
  asOf: AsOf | undefined,
): Promise<Snapshot | undefined> {
  if (asOf !== undefined) {
    throw new PixlakeError(
      'SNAPSHOT_NOT_FOUND',
      `${folder} consists of plain Parquet files, which have no versions`,
    );
  }
  const files = await listParquetFiles(store, folder);
  if (files.length === 0) return undefined;
  const metadata = {
    id: folder,
    format: { provider: 'parquet', options: {} },
    schemaString,
    partitionColumns,
    configuration: {},
  };
  return {
    folder,
    version: 0,
    checkpointVersion: 0,
    timestampMs: 0,
    schema: parseSchema(schemaString, folder),
    partitionColumns,
    metadata,
    protocol: PROTOCOL,
    files,
    removed: [],
    transactions: new Map(),
  };
}
