import type { ErrorLimitSpec } from '../error-limit.ts';
import type { ImageStatus } from '../image/probe-image.ts';

/** What to ingest; paths are local. */
export interface IngestSpec {
  /** A folder with one CSV file and its images, or the CSV file itself. */
  readonly source: string;
  /** Folder or tar archive of the images; by default `images` or `images.tar` next to the CSV file. */
  readonly images?: string;
  /** Table to ingest into; `images` by default. */
  readonly table?: string;
  readonly partitionBy?: readonly string[];
  /** `fashion`, `infer`, or the path of a schema file; by default `fashion` if the header matches the fashion catalogue, else `infer`. */
  readonly schema?: string;
  readonly idColumn?: string;
  readonly imageColumn?: string;
  /** Maximum number of rows that are rejected, lack an image or have a broken one. If there are more, nothing is committed. No limit by default. */
  readonly maxErrors?: ErrorLimitSpec;
  /** Maximum number of pixels of an image; by default that of the table's last ingest, else 16,383 squared. */
  readonly maxPixels?: number;
  /** Maximum bytes of memory for decoding an image; by default that of the table's last ingest, else 1 GiB. */
  readonly maxImageMemory?: number;
}

/** Progress of an ingest: rows read, images stored, or writing data files. */
export interface IngestProgress {
  readonly phase: 'rows' | 'images' | 'commit';
  readonly doneCount: number;
  /** `undefined` while the source is being read. */
  readonly totalCount: number | undefined;
}

/** What an ingest did. `rowCount = ingestedCount + withoutImageCount + rejectedCount` always holds. */
export interface IngestReport {
  readonly table: string;
  readonly schema: string;
  readonly rowCount: number;
  /** Rows with an image that are now in the table: `addedCount + changedCount + unchangedCount`. */
  readonly ingestedCount: number;
  readonly withoutImageCount: number;
  readonly rejectedCount: number;
  /** Rows, ingested or not, whose extra commas were joined into their last column. */
  readonly repairedCount: number;
  readonly addedCount: number;
  readonly changedCount: number;
  readonly unchangedCount: number;
  /** Image files that no row refers to. */
  readonly imagesWithoutRowCount: number;
  /** Ingested rows by the status of their image. */
  readonly imageStatusCounts: Readonly<Partial<Record<ImageStatus, number>>>;
  /** Bytes of the originals that were stored. */
  readonly storedBytes: number;
  /** The table's version after the ingest. */
  readonly version: number;
  /** Whether a new version was committed. */
  readonly isCommitted: boolean;
  /** Columns that were added to the table, null in older rows. Empty for a new table. */
  readonly newColumns: readonly string[];
  /** Object keys of the lists of what was not ingested. Empty lists are not written. */
  readonly lists: {
    readonly rejects?: string;
    readonly withoutImage?: string;
    readonly imagesWithoutRow?: string;
    readonly brokenImages?: string;
  };
  readonly durationMs: number;
}

/** Callbacks and signal of an ingest. */
export interface IngestHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: IngestProgress) => void;
}
