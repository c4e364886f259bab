import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';
import { executionKeys } from './execution.ts';

const count = z.int().min(0);

const fileSchema = z.object({
  /** Below the folder of parts or errors; holds a hash of the contents. */
  name: z.string(),
  sizeBytes: count,
  sha256: z.string(),
});

const markerSchema = z
  .object({
    shard: count,
    imageCount: count,
    /** Of the images, those that were taken over from an earlier execution. */
    takenCount: count,
    errorCount: count,
    /** Bytes of the written images. */
    imageBytes: count,
    /** The shard's part of the manifest; null where no image was written. */
    part: fileSchema.nullable(),
    /** Why images were not written; null where all were. */
    errors: fileSchema.nullable(),
  })
  .refine(
    ({ imageCount, part, errorCount, errors }) =>
      imageCount > 0 === (part !== null) && errorCount > 0 === (errors !== null),
    'images are counted that no file holds',
  );

/** A file that a shard wrote, named by its contents. */
export type ShardFile = Readonly<z.output<typeof fileSchema>>;

/** What a finished shard left: the contents of its marker, written after everything it speaks of. */
export type ShardMarker = Readonly<z.output<typeof markerSchema>>;

/** Reads a shard's marker. One that is missing, torn, empty or not understood says that the shard is not done: `undefined`. */
export async function readMarker(
  store: ObjectStore,
  folder: string,
  shard: number,
): Promise<ShardMarker | undefined> {
  const key = executionKeys.shard(folder, shard);
  try {
    const marker = parseStored(markerSchema, decodeStored(await store.read(key), key), key);
    return marker.shard === shard ? marker : undefined;
  } catch (error) {
    if (error instanceof PixlakeError && NOT_DONE.has(error.code)) return undefined;
    throw error;
  }
}

const NOT_DONE = new Set<PixlakeError['code']>(['OBJECT_NOT_FOUND', 'RUN_CORRUPT']);

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
