import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Keys below a folder of a store, sorted. */
export async function keysOf(store: ObjectStore, folder = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}
