import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { log } from '../config.ts';
import { toPixlakeError } from '../errors.ts';
import { SUBMISSIONS_FOLDER } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { decodeStoredOrOlder, encodeStored } from '../storage/stored-json.ts';

/** Folder of copies of damaged records. */
const DAMAGED_FOLDER = `${SUBMISSIONS_FOLDER}/damaged`;

/** Contents of a key: nothing, something invalid, or a record. */
export type StoredRecord<T> =
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged' }
  | { readonly kind: 'valid'; readonly value: T };

/** Reads a JSON record below the folder of submissions. A damaged one is set aside. @throws `STORAGE_…` */
export async function readRecord<Schema extends z.ZodType>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<StoredRecord<z.output<Schema>>> {
  const bytes = await readIfPresent(store, key);
  if (bytes === undefined) return { kind: 'absent' };
  const json = parseJson(bytes);
  const parsed = schema.safeParse(json);
  if (parsed.success) return { kind: 'valid', value: parsed.data };
  const [issue] = parsed.error.issues;
  const reason = `${issue?.path.join('.') || 'record'}: ${issue?.message ?? 'not valid'}`;
  await setAside(store, key, bytes, json === undefined ? 'it is damaged or incomplete' : reason);
  return { kind: 'damaged' };
}

/** `undefined` for invalid or damaged JSON, without its error, which would put data of clients into the log. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return decodeStoredOrOlder(bytes, 'a record');
  } catch {
    return undefined;
  }
}

/**
 * Copies a damaged record to a folder that nobody reads, and names it in the log, both once. The record keeps its key: another server may have
 * written a good one since it was read, and deleting that would lose a run.
 */
export async function setAside(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  reason: string,
): Promise<void> {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8);
  const copy = `${DAMAGED_FOLDER}/${key.slice(SUBMISSIONS_FOLDER.length + 1)}.${hash}`;
  const told = 'a record of an accepted run is damaged; pixlake ignores it';
  try {
    if (await store.writeIfAbsent(copy, bytes)) log.warn({ key, copy, reason }, `${told} and keeps a copy`);
  } catch (error) {
    // A read-only lake can be served too.
    log.warn({ key, reason, code: toPixlakeError(error).code }, `${told}, and could not copy it`);
  }
}

/** Writes a record that survives a power loss, unless its key is taken. @returns whether it was written; see `ObjectStore.writeIfAbsent` */
export async function addRecord(
  store: ObjectStore,
  key: string,
  record: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  return store.writeIfAbsent(key, encodeStored(record), { durable: true });
}
