import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { messageOf, PixlakeError } from '../errors.ts';
import { decodeName, type ListedFile } from './listed-file.ts';
import { type FileContent, MAX_IMAGE_BYTES } from './read-whole-file.ts';

/** An entry of a tar archive that is not a folder. It can be read until the next one is requested. */
export interface TarEntry extends ListedFile {
  read(): Promise<FileContent>;
}

const TAR_BLOCK_BYTES = 512;

/** Names are read with one character per byte, to detect names that are not UTF-8. The types of tar-stream lack this option. */
const NAMES_AS_BYTES = { filenameEncoding: 'latin1' } as Parameters<typeof extract>[0];

/** Streams the entries of a tar archive, plain or gzipped, in their order. @throws `TAR_INVALID` */
export async function* readTar(path: string): AsyncGenerator<TarEntry> {
  const archive = extract(NAMES_AS_BYTES);
  const isZipped = /\.t?gz$/iu.test(path);
  const feeding = isZipped
    ? pipeline(createReadStream(path), createGunzip(), checkTarEnd, archive)
    : pipeline(createReadStream(path), checkTarEnd, archive);
  const invalid = (error: unknown): PixlakeError =>
    new PixlakeError('TAR_INVALID', `cannot read the tar archive ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  // The reader below gets the same error. Here it must only not be unhandled.
  feeding.catch(() => undefined);
  try {
    for await (const entry of archive) {
      const { type, size, name, pax } = entry.header;
      let isRead = false;
      if (type !== 'directory') {
        yield {
          ...listEntry(name, paxPathOf(pax), type === 'file'),
          async read() {
            if (size > MAX_IMAGE_BYTES) return { kind: 'tooLarge', sizeBytes: size };
            isRead = true;
            const chunks: Buffer[] = [];
            try {
              for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
            } catch (error) {
              throw invalid(error);
            }
            return { kind: 'bytes', bytes: Buffer.concat(chunks) };
          },
        };
      }
      if (!isRead) entry.resume();
    }
    await feeding;
  } catch (error) {
    throw error instanceof PixlakeError ? error : invalid(error);
  }
}

function listEntry(latin1Name: string, paxPath: string | undefined, isFile: boolean): ListedFile {
  // Names in pax headers are UTF-8 by the standard; tar-stream has replaced invalid bytes.
  const { name: path, isText } =
    paxPath === undefined
      ? decodeName(Buffer.from(latin1Name, 'latin1'))
      : { name: paxPath, isText: !paxPath.includes('\u{FFFD}') };
  const name = path.replace(/^(?:\.\/)+/u, '');
  if (!isText) return { name, problem: 'the name is not UTF-8' };
  return isFile ? { name } : { name, problem: 'a link or special file' };
}

function paxPathOf(pax: unknown): string | undefined {
  return typeof pax === 'object' && pax !== null && 'path' in pax ? String(pax.path) : undefined;
}

/** An archive ends with blocks of zeros (POSIX pax, "ustar Interchange Format"). An archive that was cut off between two entries does not. */
async function* checkTarEnd(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let tail = Buffer.alloc(0);
  for await (const chunk of chunks) {
    tail = Buffer.concat([tail, chunk.subarray(-TAR_BLOCK_BYTES)]).subarray(-TAR_BLOCK_BYTES);
    yield chunk;
  }
  if (tail.length < TAR_BLOCK_BYTES || tail.some((byte) => byte !== 0))
    throw new Error('the archive is cut off');
}
