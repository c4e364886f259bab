import type { Snapshot } from '../table/snapshot.ts';

/** The column of tables, manifests and results with the object keys of images. */
export const IMAGE_KEY = 'image_key';

/**
 * Where the image of a row lies: an original, or an image that a run wrote. The key is always an object of the lake that was asked, whichever
 * table names it, even an attached one: runs, links and servers read images from this store.
 */
export interface ImageLocation {
  readonly key: string;
  readonly sha256: string | null;
  /** Encoding such as `jpeg`; null if unknown. */
  readonly format: string | null;
}

/** Whether the rows of a table name images. */
export function namesImages({ schema }: Snapshot): boolean {
  return schema.fields.some(({ name }) => name === IMAGE_KEY);
}
