import type { ErrorLimitSpec } from '../error-limit.ts';
import type { ImageStatus } from '../image/probe-image.ts';

/** What a user asks to be ingested; paths are local. */
export interface IngestSpec {
  /** A folder with one CSV file and its images, or the CSV file itself. */
  readonly source: string;
  /** Folder or tar archive of the images; by default `images` or `images.tar` beside the CSV file. */
  readonly images?: string;
  /** Table to ingest into; `images` by default. */
  readonly table?: string;
  readonly partitionBy?: readonly string[];
  /** `fashion`, `infer`, or the path of a schema file; by default `fashion` if the header is that of the fashion catalogue, else `infer`. */
  readonly schema?: string;
  readonly idColumn?: string;
  readonly imageColumn?: string;
  /** Most rows that may be rejected, lack an image or have a broken one; with more, nothing is committed. No limit by default. */
  readonly maxErrors?: ErrorLimitSpec;
  /** Most pixels of an image; by default what the table was last ingested with, else 16,383 squared. */
  readonly maxPixels?: number;
  /** Most bytes of memory that decoding an image may take; by default what the table was last ingested with, else 1 GiB. */
  readonly maxImageMemory?: number;
}

/** How far an ingest is: rows read, images stored, or writing data files. */
export interface IngestProgress {
  readonly phase: 'rows' | 'images' | 'commit';
  readonly doneCount: number;
  /** Unknown while the source is still being read. */
  readonly totalCount: number | undefined;
}

/** What an ingest did. `rowCount = ingestedCount + withoutImageCount + rejectedCount` always holds. */
export interface IngestReport {
  readonly table: string;
  readonly schema: string;
  readonly rowCount: number;
  /** Rows that are in the table now, with an image: `addedCount + changedCount + unchangedCount`. */
  readonly ingestedCount: number;
  readonly withoutImageCount: number;
  readonly rejectedCount: number;
  /** Ingested or not, rows whose extra commas were joined back into their last column. */
  readonly repairedCount: number;
  readonly addedCount: number;
  readonly changedCount: number;
  readonly unchangedCount: number;
  /** Image files that no row asked for. */
  readonly imagesWithoutRowCount: number;
  /** Ingested rows by what became of their image. */
  readonly imageStatusCounts: Readonly<Partial<Record<ImageStatus, number>>>;
  /** Bytes of the originals that were stored. */
  readonly storedBytes: number;
  /** The table's version after the ingest. */
  readonly version: number;
  /** Whether a new version was committed. */
  readonly isCommitted: boolean;
  /** Columns that the table did not have before; null in its older rows. Empty for a new table. */
  readonly newColumns: readonly string[];
  /** Object keys of the lists of what was not ingested, where there is any. */
  readonly lists: {
    readonly rejects?: string;
    readonly withoutImage?: string;
    readonly imagesWithoutRow?: string;
    readonly brokenImages?: string;
  };
  readonly durationMs: number;
}

/** Ways to follow and stop an ingest. */
export interface IngestHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IngestProgress) => void;
}
