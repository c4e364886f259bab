import { sha256Of } from '../storage/hash-file.ts';
import type { AppendableValue } from '../duckdb/appendable.ts';
import { openAppender, type TableAppender } from '../duckdb/appender.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import { probeImage } from '../image/probe-image.ts';
import { casedFileStem, fileStem } from '../storage/file-stem.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { IMAGE_COLUMNS } from '../table/image-columns.ts';
import type { ImageSource, OpenedFile } from './image-source.ts';
import { mapConcurrently } from './map-concurrently.ts';

/** Images in one batch. This and `MAX_BATCH_BYTES` bound the memory of a batch. */
const BATCH_SIZE = 512;
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

/** Images in work at once, enough to keep the cores busy while others wait for the disk or the network. */
const CONCURRENCY = 8;
const REMOTE_CONCURRENCY = 64;

/** A chosen file, the id that names its original, and what the table already knows about its image. */
interface ChosenImage {
  readonly position: number;
  readonly name: string;
  readonly image_ref: string;
  readonly id: string;
  readonly has_twin: boolean;
  readonly image_key: string | null;
  readonly image_sha256: string | null;
  readonly image_status: string | null;
  readonly image_reason: string | null;
}

type Item = OpenedFile<ChosenImage>;

/** Where and how originals are stored. */
export interface OriginalsTarget {
  readonly store: ObjectStore;
  /** Object key of the folder of the table's originals. */
  readonly folder: string;
  readonly limits: ImageLimits;
  /** Whether the verdicts in the table were made with other limits. */
  readonly areLimitsNew: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onImage: (imageCount: number, totalCount: number) => void;
}

/**
 * Copies the bytes of every image in `chosen_images` unchanged into the lake, and fills the staging tables `stored_images` (`image_ref`, then
 * the image columns) and `unread_images` (`image_ref`, `name`, `reason`). An image whose bytes are already in the table with status `ok` is neither
 * decoded nor written again, unless the limits are new.
 *
 * @returns bytes stored
 */
export async function storeOriginals(
  db: DuckDb,
  source: ImageSource,
  target: OriginalsTarget,
): Promise<number> {
  const images = await openAppender(db, 'stored_images', [
    'VARCHAR',
    ...IMAGE_COLUMNS.map(({ type }) => type),
  ]);
  const unread = await openAppender(db, 'unread_images', ['VARCHAR', 'VARCHAR', 'VARCHAR']);
  const concurrency = target.store.remote === undefined ? CONCURRENCY : REMOTE_CONCURRENCY;
  const [counted] = await db.rows<{ count: bigint }>('SELECT count(*) AS count FROM chosen_images');
  const totalCount = Number(counted?.count ?? 0);
  let storedBytes = 0;
  let imageCount = 0;
  for await (const batch of toBatches(source.open(readChosen(db, totalCount)))) {
    target.signal?.throwIfAborted();
    await mapConcurrently(batch, concurrency, async (item) => {
      const bytes = await storeOriginal(item, target, images, unread);
      // Added after the await, because `+= await` would overwrite concurrent additions.
      storedBytes += bytes;
      imageCount += 1;
      target.onImage(imageCount, totalCount);
    });
  }
  images.close();
  unread.close();
  return storedBytes;
}

async function* readChosen(db: DuckDb, totalCount: number): AsyncGenerator<ChosenImage> {
  for (let first = 0; first < totalCount; first += BATCH_SIZE) {
    yield* await db.rows<ChosenImage>(`
      SELECT position::DOUBLE AS position, name, image_ref, id, has_twin, image_key, image_sha256, image_status, image_reason
      FROM chosen_images WHERE number BETWEEN ${first} AND ${first + BATCH_SIZE - 1} ORDER BY number`);
  }
}

async function* toBatches(items: AsyncIterable<Item>): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  let bytesHeld = 0;
  for await (const item of items) {
    batch.push(item);
    bytesHeld += item.heldBytes;
    if (batch.length >= BATCH_SIZE || bytesHeld >= MAX_BATCH_BYTES) {
      yield batch;
      batch = [];
      bytesHeld = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

async function storeOriginal(
  { file, read }: Item,
  target: OriginalsTarget,
  images: TableAppender,
  unread: TableAppender,
): Promise<number> {
  const { image_ref: ref, name } = file;
  const append = (image: StoredImage): void =>
    images.append([ref, ...IMAGE_COLUMNS.map((column) => image[column.name] ?? null)]);
  const content = await read();
  if (content.kind === 'unreadable') {
    unread.append([ref, name, `the file cannot be read: ${content.reason}`]);
    return 0;
  }
  if (content.kind === 'tooLarge') {
    const { sizeBytes } = content;
    const reason = `the file has ${sizeBytes} bytes, more than pixlake reads`;
    append({ image_bytes: sizeBytes, image_status: 'too_large', image_reason: reason });
    return 0;
  }
  const { bytes } = content;
  const sha256 = sha256Of(bytes);
  const stored = { image_sha256: sha256, image_bytes: bytes.length };
  // A missing status means that the table's own facts are kept.
  const unchanged = { ...stored, image_key: file.image_key };
  const isKnown = sha256 === file.image_sha256;
  if (isKnown && file.image_status === 'ok' && !target.areLimitsNew) {
    append(unchanged);
    return 0;
  }
  const facts = await probeImage(bytes, target.limits);
  if (isKnown && facts.status === file.image_status && facts.reason === file.image_reason) {
    append(unchanged);
    return 0;
  }
  append({
    ...stored,
    image_key: await writeOriginal(target, file, endingOf(facts.format, name), bytes, sha256),
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

/** The image columns of `stored_images`; missing ones are null. */
type StoredImage = Partial<Record<(typeof IMAGE_COLUMNS)[number]['name'], AppendableValue>>;

function endingOf(format: string | null, name: string): string {
  if (format !== null) return format === 'jpeg' ? 'jpg' : format;
  // Rows may name any file as an image, even one without an ending.
  return /\.(?<ending>[a-z0-9]{1,8})$/iu.exec(name)?.groups?.['ending']?.toLowerCase() ?? 'bin';
}

/** Older snapshots may still refer to the previous original of a changed image, so that original keeps its key. */
async function writeOriginal(
  { store, folder }: OriginalsTarget,
  { id, has_twin: hasTwin }: ChosenImage,
  ending: string,
  bytes: Buffer,
  sha256: string,
): Promise<string> {
  const stem = `${folder}/${hasTwin ? casedFileStem(id) : fileStem(id)}`;
  const key = `${stem}.${ending}`;
  if (await store.writeIfAbsent(key, bytes)) return key;
  if (bytes.equals(await store.read(key))) return key;
  const versioned = `${stem}.${sha256.slice(0, 16)}.${ending}`;
  // Its name is a hash of its content, so writing it again loses nothing.
  await store.write(versioned, bytes);
  return versioned;
}
