import type { Snapshot } from '../table/snapshot.ts';

/** The column of tables, manifests and results that names images by their keys. */
export const IMAGE_KEY = 'image_key';

/**
 * Where an image lies that a row names: an original, or one that a run wrote. The key is that of an object of the lake that was asked, whichever
 * table names it, an attached one too: that is the store from which runs, links and servers read images.
 */
export interface ImageLocation {
  readonly key: string;
  readonly sha256: string | null;
  /** Encoding such as `jpeg`; null where it is not known. */
  readonly format: string | null;
}

/** Whether the rows of a table name images. */
export function namesImages({ schema }: Snapshot): boolean {
  return schema.fields.some(({ name }) => name === IMAGE_KEY);
}
