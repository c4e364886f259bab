import { z } from 'zod';

const count = z.int().min(0);

const fileSchema = z.object({
  /** Below the folder of parts or errors; holds a hash of the contents. */
  name: z.string(),
  sizeBytes: count,
  sha256: z.string(),
});

/** Schema of a shard's marker. */
export const markerSchema = z
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
