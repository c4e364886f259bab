import { createHash } from 'node:crypto';
import { openAppender, type TableAppender } from '../engine/appender.ts';
import type { DuckDb } from '../engine/open-duckdb.ts';
import { probeImage } from '../image/probe-image.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { ImageEntry, ImageSource } from './image-source.ts';
import { mapConcurrently } from './map-concurrently.ts';

/** Names that are looked up at once; with `MAX_BATCH_BYTES` it bounds the memory that a batch takes. */
const BATCH_SIZE = 512;
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

/** Images in work at once: enough to keep the cores busy while others wait for the disk, or for the network. */
const CONCURRENCY = 8;
const REMOTE_CONCURRENCY = 64;

interface BatchItem {
  readonly entry: ImageEntry;
  readonly ref: string;
  /** Set where the source can only be read in order. */
  readonly bytes: Buffer | undefined;
}

/** What staging knows of an image: the id that names its original, and the facts the table already holds. */
interface KnownImage {
  readonly image_ref: string;
  readonly id: string;
  readonly image_key: string | null;
  readonly image_sha256: string | null;
}

/** Where originals go and what happened so far. */
export interface OriginalsTarget {
  readonly store: ObjectStore;
  /** Object key of the folder of the table's originals. */
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
  readonly onImage: (imageCount: number) => void;
}

/**
 * Streams an image source: copies the bytes of every image that a staged row asks for into the lake, unchanged, and fills the staging
 * tables `stored_images` (`image_ref`, `name`, then the image columns) and `images_without_row` (`name`, `reason`). Expects the table
 * `known_images` (see {@link KnownImage}). An image whose bytes are in the table already is neither decoded nor written again.
 *
 * @returns bytes stored
 */
export async function storeOriginals(
  db: DuckDb,
  source: ImageSource,
  hasImageColumn: boolean,
  target: OriginalsTarget,
): Promise<number> {
  const images = await openAppender(db, 'stored_images', [
    'VARCHAR',
    'VARCHAR',
    ...IMAGE_COLUMNS.map(({ type }) => type),
  ]);
  const strays = await openAppender(db, 'images_without_row', ['VARCHAR', 'VARCHAR']);
  const concurrency = target.store.remote === undefined ? CONCURRENCY : REMOTE_CONCURRENCY;
  let storedBytes = 0;
  let imageCount = 0;
  for await (const batch of toBatches(source, hasImageColumn)) {
    target.signal?.throwIfAborted();
    const known = await lookUp(db, batch);
    await mapConcurrently(batch, concurrency, async (item) => {
      const image = known.get(item.ref);
      if (image === undefined) strays.append([item.entry.name, 'no row names it']);
      else {
        const bytes = await storeOriginal(item, image, target, images);
        // Added after the wait: in `+= await`, others would be overwritten.
        storedBytes += bytes;
      }
      imageCount += 1;
      target.onImage(imageCount);
    });
  }
  for (const { name, reason } of source.skipped) strays.append([name, reason]);
  images.close();
  strays.close();
  return storedBytes;
}

async function* toBatches(source: ImageSource, hasImageColumn: boolean): AsyncGenerator<BatchItem[]> {
  let batch: BatchItem[] = [];
  let bytesHeld = 0;
  for await (const entry of source.entries()) {
    const bytes = source.isSequential ? await entry.read() : undefined;
    batch.push({ entry, ref: hasImageColumn ? entry.name : stemOf(entry.name), bytes });
    bytesHeld += bytes?.length ?? 0;
    if (batch.length >= BATCH_SIZE || bytesHeld >= MAX_BATCH_BYTES) {
      yield batch;
      batch = [];
      bytesHeld = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** The file name without folders and ending: what an id is compared with. */
function stemOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const dot = base.lastIndexOf('.');
  return dot > 0 ? base.slice(0, dot) : base;
}

async function lookUp(db: DuckDb, batch: readonly BatchItem[]): Promise<Map<string, KnownImage>> {
  await db.run('CREATE OR REPLACE TEMP TABLE wanted (image_ref VARCHAR)');
  const wanted = await openAppender(db, 'wanted', ['VARCHAR']);
  for (const { ref } of batch) wanted.append([ref]);
  wanted.close();
  const found = await db.rows<KnownImage>(`
    SELECT image_ref, id, image_key, image_sha256 FROM known_images SEMI JOIN wanted USING (image_ref)`);
  return new Map(found.map((image) => [image.image_ref, image]));
}

async function storeOriginal(
  item: BatchItem,
  known: KnownImage,
  target: OriginalsTarget,
  images: TableAppender,
): Promise<number> {
  const { entry, ref } = item;
  const bytes = item.bytes ?? (await entry.read());
  if (bytes === undefined) {
    const reason = `the file has ${entry.sizeBytes} bytes, more than pixlake reads`;
    images.append([
      ref,
      entry.name,
      null,
      null,
      entry.sizeBytes,
      null,
      null,
      null,
      null,
      'too_large',
      reason,
    ]);
    return 0;
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === known.image_sha256) {
    // Marked by its missing status: the table's own facts are taken over.
    images.append([
      ref,
      entry.name,
      known.image_key,
      sha256,
      bytes.length,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
    return 0;
  }
  const facts = await probeImage(bytes);
  const key = await writeOriginal(target, known.id, endingOf(facts.format, entry.name), bytes, sha256);
  const { format, width, height, channels, status, reason } = facts;
  images.append([
    ref,
    entry.name,
    key,
    sha256,
    bytes.length,
    format,
    width,
    height,
    channels,
    status,
    reason,
  ]);
  return bytes.length;
}

function endingOf(format: string | null, name: string): string {
  if (format !== null) return format === 'jpeg' ? 'jpg' : format;
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Older snapshots may still refer to the original that a changed image replaces, so that one keeps its key. */
async function writeOriginal(
  { store, folder }: OriginalsTarget,
  id: string,
  ending: string,
  bytes: Buffer,
  sha256: string,
): Promise<string> {
  const key = `${folder}/${id}.${ending}`;
  if (await store.writeIfAbsent(key, bytes)) return key;
  if (bytes.equals(await store.read(key))) return key;
  const versioned = `${folder}/${id}-${sha256.slice(0, 16)}.${ending}`;
  if (await store.writeIfAbsent(versioned, bytes)) return versioned;
  if (bytes.equals(await store.read(versioned))) return versioned;
  throw new PixlakeError('STORAGE_FAILED', `${versioned} holds other bytes than its name says`, {
    remedy: 'remove it, if no version of the table needs it, and ingest again',
  });
}
