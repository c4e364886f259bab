import type { ObjectStore } from '../storage/object-store.ts';
import { encodeStored, readStored } from '../storage/stored-json.ts';
import { executionKeys } from './execution.ts';
import type { ShardMarker } from './marker-schema.ts';

/** Reads a shard's marker; `undefined` if it is missing, damaged, empty or not understood, so the shard is not done. */
export async function readMarker(
  store: ObjectStore,
  folder: string,
  shard: number,
): Promise<ShardMarker | undefined> {
  const stored = await readStored(store, executionKeys.shard(folder, shard));
  if (stored === undefined) return undefined;
  // Loaded only if there is a marker, which threads rarely find, because loading it delays their start.
  const { markerSchema } = await import('./marker-schema.ts');
  const { data: marker } = markerSchema.safeParse(stored);
  return marker?.shard === shard ? marker : undefined;
}

/** Marks a shard as done and returns the valid marker, which is the first one. */
export async function placeMarker(
  store: ObjectStore,
  folder: string,
  marker: ShardMarker,
): Promise<ShardMarker> {
  const key = executionKeys.shard(folder, marker.shard);
  const bytes = encodeStored(marker);
  if (await store.writeIfAbsent(key, bytes, { durable: true })) return marker;
  const present = await readMarker(store, folder, marker.shard);
  if (present !== undefined) return present;
  // The present marker is damaged.
  await store.write(key, bytes);
  return marker;
}

/** Numbers of the shards of a block that have a marker, valid or not. */
export async function listMarkedShards(store: ObjectStore, folder: string, block: number): Promise<number[]> {
  const shards: number[] = [];
  for await (const { key } of store.list(executionKeys.shards(folder, block))) {
    const match = /\/(\d+)\.json$/u.exec(key);
    if (match) shards.push(Number(match[1]));
  }
  return shards;
}
