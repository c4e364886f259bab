import type { ObjectStore } from '../storage/object-store.ts';
import { encodeStored, readStored } from '../storage/stored-json.ts';
import { executionKeys } from './execution.ts';
import type { ShardMarker } from './marker-schema.ts';

/** Reads a shard's marker. One that is missing, torn, empty or not understood says that the shard is not done: `undefined`. */
export async function readMarker(
  store: ObjectStore,
  folder: string,
  shard: number,
): Promise<ShardMarker | undefined> {
  const stored = await readStored(store, executionKeys.shard(folder, shard));
  if (stored === undefined) return undefined;
  // Loaded when there is a marker: threads that work on shards mostly find none, and would start later by it.
  const { markerSchema } = await import('./marker-schema.ts');
  const { data: marker } = markerSchema.safeParse(stored);
  return marker?.shard === shard ? marker : undefined;
}

/** Marks a shard as done and gives the marker that holds: that of whoever was first. */
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
  // What lies there is torn and says nothing.
  await store.write(key, bytes);
  return marker;
}

/** Numbers of the shards of a block that have a marker, whatever it holds. */
export async function listMarkedShards(store: ObjectStore, folder: string, block: number): Promise<number[]> {
  const shards: number[] = [];
  for await (const { key } of store.list(executionKeys.shards(folder, block))) {
    const match = /\/(\d+)\.json$/u.exec(key);
    if (match) shards.push(Number(match[1]));
  }
  return shards;
}
