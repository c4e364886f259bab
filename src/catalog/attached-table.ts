import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import { ATTACHED_FOLDER, attachmentKey } from '../storage/lake-layout.ts';
import { decodeStoredOrOlder } from '../storage/stored-json.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { openStore } from '../storage/open-store.ts';
import type { S3Options } from '../storage/s3-options.ts';
import type { AsOf } from '../table/as-of.ts';
import { parseSchema } from '../table/delta-schema.ts';
import { PROTOCOL } from '../table/protocol.ts';
import type { Snapshot } from '../table/snapshot.ts';
import { readSnapshotAsOf } from '../table/read-snapshot.ts';
import type { FoundTable } from './found-table.ts';
import { listParquetFiles } from './parquet-folder.ts';

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
export function openPlace(uri: string, s3: S3Options): { store: ObjectStore; folder: string } {
  const place = uri.replace(/\/+$/u, '');
  return { store: openStore(dirname(place), s3), folder: basename(place) };
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
