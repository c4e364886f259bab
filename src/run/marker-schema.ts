import { z } from 'zod';

const count = z.int().min(0);

const fileSchema = z.object({
  /** Name below the folder of parts or errors; contains a hash of the contents. */
  name: z.string(),
  sizeBytes: count,
  sha256: z.string(),
});

/** Schema of a shard's marker. */
export const markerSchema = z
  .object({
    shard: count,
    imageCount: count,
    /** Images that were taken over from an earlier execution; part of `imageCount`. */
    takenCount: count,
    errorCount: count,
    /** Bytes of the written images. */
    imageBytes: count,
    /** The shard's part of the manifest; null if no image was written. */
    part: fileSchema.nullable(),
    /** The shard's errors; null if there are none. */
    errors: fileSchema.nullable(),
  })
  .refine(
    ({ imageCount, part, errorCount, errors }) =>
      imageCount > 0 === (part !== null) && errorCount > 0 === (errors !== null),
    'the counted images are in no file',
  );

/** A file of a shard, named by its contents. */
export type ShardFile = Readonly<z.output<typeof fileSchema>>;

/** The contents of a shard's marker, which is written after everything that it names. */
export type ShardMarker = Readonly<z.output<typeof markerSchema>>;
