import { createHash } from 'node:crypto';
import { type AppendableValue, openAppender, type TableAppender } from '../engine/appender.ts';
import type { DuckDb } from '../engine/open-duckdb.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import { probeImage } from '../image/probe-image.ts';
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
  readonly image_status: string | null;
  readonly image_reason: string | null;
}

/** Where originals go and what happened so far. */
export interface OriginalsTarget {
  readonly store: ObjectStore;
  /** Object key of the folder of the table's originals. */
  readonly folder: string;
  readonly limits: ImageLimits;
  /** Whether the table's verdicts were made with others. */
  readonly areLimitsNew: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onImage: (imageCount: number) => void;
}

/**
 * Streams an image source: copies the bytes of every image that a staged row asks for into the lake, unchanged, and fills the staging
 * tables `stored_images` (`image_ref`, `name`, then the image columns) and `images_without_row` (`name`, `reason`). Expects the table
 * `known_images` (see {@link KnownImage}). An image whose bytes are in the table already and are `ok` there is neither
 * decoded nor written again, unless the limits are new.
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
    SELECT image_ref, id, image_key, image_sha256, image_status, image_reason FROM known_images SEMI JOIN wanted USING (image_ref)`);
  return new Map(found.map((image) => [image.image_ref, image]));
}

async function storeOriginal(
  item: BatchItem,
  known: KnownImage,
  target: OriginalsTarget,
  images: TableAppender,
): Promise<number> {
  const { entry, ref } = item;
  const append = (image: StoredImage): void =>
    images.append([ref, entry.name, ...IMAGE_COLUMNS.map(({ name }) => image[name] ?? null)]);
  const bytes = item.bytes ?? (await entry.read());
  if (bytes === undefined) {
    const reason = `the file has ${entry.sizeBytes} bytes, more than pixlake reads`;
    append({ image_bytes: entry.sizeBytes, image_status: 'too_large', image_reason: reason });
    return 0;
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const stored = { image_sha256: sha256, image_bytes: bytes.length };
  // Marked by its missing status: the table's own facts are taken over.
  const unchanged = { ...stored, image_key: known.image_key };
  const isKnown = sha256 === known.image_sha256;
  if (isKnown && known.image_status === 'ok' && !target.areLimitsNew) {
    append(unchanged);
    return 0;
  }
  const facts = await probeImage(bytes, target.limits);
  if (isKnown && facts.status === known.image_status && facts.reason === known.image_reason) {
    append(unchanged);
    return 0;
  }
  append({
    ...stored,
    image_key: await writeOriginal(target, known.id, endingOf(facts.format, entry.name), bytes, sha256),
    image_format: facts.format,
    image_width: facts.width,
    image_height: facts.height,
    image_channels: facts.channels,
    image_frames: facts.frames,
    image_bit_depth: facts.bitDepth,
    image_status: facts.status,
    image_reason: facts.reason,
  });
  return bytes.length;
}

/** The image columns of `stored_images`; what is left out is null. */
type StoredImage = Partial<Record<(typeof IMAGE_COLUMNS)[number]['name'], AppendableValue>>;

function endingOf(format: string | null, name: string): string {
  if (format !== null) return format === 'jpeg' ? 'jpg' : format;
  // Any file may be named as an image, also one without an ending.
  return /\.([a-z\d]{1,8})$/iu.exec(name)?.[1]?.toLowerCase() ?? 'bin';
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
  await store.writeIfAbsent(versioned, bytes);
  return versioned;
}
