import { createReadStream } from 'node:fs';
import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { messageOf, PixlakeError } from '../errors.ts';

/** An image file of a source: its path within it, with forward slashes. */
export interface ImageEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** Reads the bytes, or gives `undefined` without reading where there are more than {@link MAX_IMAGE_BYTES}. */
  read(): Promise<Buffer | undefined>;
}

/** Where images come from. */
export interface ImageSource {
  /** Whether an entry can be read only before the next one is asked for. */
  readonly isSequential: boolean;
  entries(): AsyncGenerator<ImageEntry>;
  /** Files that are no images by their name, complete once all entries were seen. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** Larger files are no images that anybody trains on, and would not fit into memory several at a time. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;

const TAR_BLOCK_BYTES = 512;

/** Endings of images, also of those that cannot be decoded: they are then listed with their reason. */
const IMAGE_ENDING =
  /\.(?:jpe?g|jpe|jfif|jif|a?png|webp|gif|tiff?|btf|avifs?|hei[cf]s?|hif|bmp|dib|ico|cur|jp2|j2k|jpf|jpx|jxl|jxr|p[bgnp]m|pam|pfm|tga|psd|svg|exr|hdr|dds|qoi|pcx|dng)$/iu;

/** Whether an entry is an image; notes it as skipped if not. */
type ImageTest = (name: string, isFile: boolean) => boolean;

/**
 * Opens a folder (with its subfolders) or a tar archive, plain or gzipped, as a stream of images: of the files with an image's ending, or of all where
 * rows name them.
 *
 * @throws `SOURCE_NOT_FOUND`
 */
export async function openImageSource(path: string, areNamed = false): Promise<ImageSource> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  const skipped: { name: string; reason: string }[] = [];
  const isImage = (name: string, isFile: boolean): boolean => {
    const reason = isFile ? findNameProblem(name, areNamed) : 'a link or special file';
    if (reason !== undefined) skipped.push({ name, reason });
    return reason === undefined;
  };
  return {
    isSequential: !isFolder,
    skipped,
    entries: () => (isFolder ? readFolder(path, '', isImage) : readTar(path, isImage)),
  };
}

/** Links are left out, since they could lead anywhere. */
async function* readFolder(root: string, folder: string, isImage: ImageTest): AsyncGenerator<ImageEntry> {
  for await (const entry of await opendir(join(root, folder))) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* readFolder(root, name, isImage);
    else if (isImage(name, entry.isFile())) {
      const path = join(root, name);
      const { size } = await stat(path);
      yield {
        name,
        sizeBytes: size,
        read: async () => (size > MAX_IMAGE_BYTES ? undefined : readFile(path)),
      };
    }
  }
}

async function* readTar(path: string, isImage: ImageTest): AsyncGenerator<ImageEntry> {
  const archive = extract();
  const isZipped = /\.t?gz$/iu.test(path);
  const feeding = isZipped
    ? pipeline(createReadStream(path), createGunzip(), checkTarEnd, archive)
    : pipeline(createReadStream(path), checkTarEnd, archive);
  const invalid = (error: unknown): PixlakeError =>
    new PixlakeError('TAR_INVALID', `cannot read the tar archive ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  // The same error reaches the reader below; here it must only not count as unhandled.
  feeding.catch(() => undefined);
  try {
    for await (const entry of archive) {
      const { type, size } = entry.header;
      const name = entry.header.name.replace(/^(?:\.\/)+/u, '');
      let bytes: Buffer | undefined;
      if (type !== 'directory' && isImage(name, type === 'file')) {
        yield {
          name,
          sizeBytes: size,
          async read() {
            if (size > MAX_IMAGE_BYTES) return undefined;
            const chunks: Buffer[] = [];
            try {
              for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
            } catch (error) {
              throw invalid(error);
            }
            bytes = Buffer.concat(chunks);
            return bytes;
          },
        };
      }
      if (bytes === undefined) entry.resume();
    }
    await feeding;
  } catch (error) {
    throw error instanceof PixlakeError ? error : invalid(error);
  }
}

/** An archive ends in blocks of zeros (POSIX pax, "ustar Interchange Format"); one that was cut off between two entries does not. */
async function* checkTarEnd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let tail = Buffer.alloc(0);
  for await (const chunk of chunks) {
    tail = Buffer.concat([tail, chunk.subarray(-TAR_BLOCK_BYTES)]).subarray(-TAR_BLOCK_BYTES);
    yield chunk;
  }
  if (tail.length < TAR_BLOCK_BYTES || tail.some((byte) => byte !== 0))
    throw new Error('the archive is cut off');
}

/** Why a file is no image to ingest, by its name alone; names that climb are never used as paths, but belong to no row either. */
function findNameProblem(name: string, isNamed: boolean): string | undefined {
  if (name.startsWith('/') || name.split('/').includes('..')) return 'an unsafe path';
  if (/(?:^|\/)\./u.test(name)) return 'a hidden file';
  return isNamed || IMAGE_ENDING.test(name) ? undefined : 'no image by its name';
}
