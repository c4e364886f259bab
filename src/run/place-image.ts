import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { sha256Of } from '../storage/hash-file.ts';

/** Digits of a hash that distinguish images with the same name. */
const HASH_DIGITS = 8;

/**
 * Writes an image as `<stem>.<ending>` and returns its key. An existing file is kept if it has the same bytes. If it is the beginning of
 * the image, it comes from an interrupted write and is replaced. For any other file, the image is written as `<stem>.<hash>.<ending>`.
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
  throw new PixlakeError('STORAGE_FAILED', `${store.locate(ownKey)} already contains another file`);
}

/** Whether the key has these bytes afterwards. */
async function placeAt(store: ObjectStore, key: string, bytes: Uint8Array): Promise<boolean> {
  if (await store.writeIfAbsent(key, bytes, { mayTear: true })) return true;
  const present = await store.read(key);
  if (present.length > bytes.length || present.compare(bytes, 0, present.length) !== 0) return false;
  if (present.length < bytes.length) await store.write(key, bytes);
  return true;
}
