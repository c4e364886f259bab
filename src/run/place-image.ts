import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { sha256Of } from '../storage/hash-file.ts';

/** Digits of a hash that tell an image from another one that has its name. */
const HASH_DIGITS = 8;

/**
 * Writes an image under `<stem>.<ending>` and gives its key. A file that is there already is left alone: the same bytes are ours, the beginning of
 * ours is a write that was torn and is replaced, and beside any other file ours goes under `<stem>.<hash>.<ending>`.
 *
 * @throws `STORAGE_…`
 */
export async function placeImage(
  store: ObjectStore,
  stem: string,
  ending: string,
  bytes: Uint8Array,
): Promise<string> {
  const key = `${stem}.${ending}`;
  if (await placeAt(store, key, bytes)) return key;
  const ownKey = `${stem}.${sha256Of(bytes).slice(0, HASH_DIGITS)}.${ending}`;
  if (await placeAt(store, ownKey, bytes)) return ownKey;
  throw new PixlakeError('STORAGE_FAILED', `${store.locate(ownKey)} is taken by another file`);
}

/** Whether the key holds these bytes afterwards. */
async function placeAt(store: ObjectStore, key: string, bytes: Uint8Array): Promise<boolean> {
  if (await store.writeIfAbsent(key, bytes, { mayTear: true })) return true;
  const present = await store.read(key);
  if (present.length > bytes.length || present.compare(bytes, 0, present.length) !== 0) return false;
  if (present.length < bytes.length) await store.write(key, bytes);
  return true;
}
