import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';

/** Reads an object; `undefined` if it does not exist. @throws `STORAGE_…` */
export async function readIfPresent(store: ObjectStore, key: string): Promise<Buffer | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof PixlakeError && error.code === 'OBJECT_NOT_FOUND') return undefined;
    throw error;
  }
}
