import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PixlakeError } from '../errors.ts';
import { listFolder } from './list-folder.ts';
import type { ListedFile } from './listed-file.ts';
import { readTar, type TarEntry } from './read-tar.ts';
import { type FileContent, readWholeFile } from './read-whole-file.ts';
import { watchFile } from './watch-file.ts';

/** A file to read: its name, and its position in the list of all files. */
export interface WantedFile {
  readonly name: string;
  readonly position: number;
}

/** A file that can be read now, or whose content is already in memory. */
export interface OpenedFile<File> {
  readonly file: File;
  readonly heldBytes: number;
  readonly read: () => Promise<FileContent>;
}

/** A folder or archive of images. */
export interface ImageSource {
  /** Lists all files. @throws `SOURCE_NOT_FOUND`, `TAR_INVALID`, `SOURCE_CHANGED` */
  list(): AsyncGenerator<ListedFile>;
  /** Opens files, in the order of the list. A file may be wanted several times. @throws `TAR_INVALID`, `SOURCE_CHANGED` */
  open<File extends WantedFile>(wanted: AsyncIterable<File>): AsyncGenerator<OpenedFile<File>>;
}

/** Endings of images, including formats that cannot be decoded: those files get a reason. */
const IMAGE_ENDING =
  /\.(?:jpe?g|jpe|jfif|jif|a?png|webp|gif|tiff?|btf|avifs?|hei[cf]s?|hif|bmp|dib|ico|cur|jp2|j2k|jpf|jpx|jxl|jxr|p[bgnp]m|pam|pfm|tga|psd|svg|exr|hdr|dds|qoi|pcx|dng)$/iu;

/**
 * Opens a folder (with its subfolders) or a tar archive, plain or gzipped. Only files with the ending of an image count, unless rows name their files.
 *
 * @throws `SOURCE_NOT_FOUND`
 */
export async function openImageSource(path: string, hasNamedFiles: boolean): Promise<ImageSource> {
  const stats = await describe(path);
  if (!stats.isDirectory() && !stats.isFile())
    throw new PixlakeError('SOURCE_NOT_FOUND', `${path} is neither a folder nor a file`);
  const judge = ({ name, problem = findNameProblem(name, hasNamedFiles) }: ListedFile): ListedFile =>
    problem === undefined ? { name } : { name, problem };
  if (stats.isDirectory()) {
    return {
      async *list() {
        for await (const file of listFolder(path)) yield judge(file);
      },
      async *open(wanted) {
        for await (const file of wanted)
          yield { file, heldBytes: 0, read: () => readWholeFile(join(path, file.name)) };
      },
    };
  }
  const watch = await watchFile(path);
  const entries = async function* (): AsyncGenerator<TarEntry> {
    try {
      yield* readTar(path);
    } finally {
      await watch.throwIfChanged();
    }
  };
  return {
    async *list() {
      for await (const entry of entries()) yield judge(entry);
    },
    open: (wanted) => openEntries(entries(), wanted),
  };
}

async function describe(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (error) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads through an archive and opens the wanted entries on the way. */
async function* openEntries<File extends WantedFile>(
  entries: AsyncGenerator<TarEntry>,
  wanted: AsyncIterable<File>,
): AsyncGenerator<OpenedFile<File>> {
  let position = -1;
  let content: FileContent | undefined;
  try {
    for await (const file of wanted) {
      while (position < file.position) {
        const { done, value: entry } = await entries.next();
        if (done === true) return;
        position += 1;
        content = position === file.position ? await entry.read() : undefined;
      }
      if (content === undefined) return;
      const held = content;
      yield { file, heldBytes: held.kind === 'bytes' ? held.bytes.length : 0, read: async () => held };
    }
  } finally {
    await entries.return(undefined);
  }
}

/** Why a file is not an image to ingest, from its name. Names with `..` are never used as paths, and belong to no row. */
function findNameProblem(name: string, hasNamedFiles: boolean): string | undefined {
  if (name.startsWith('/') || name.split('/').includes('..')) return 'an unsafe path';
  if (hasNamedFiles) return undefined;
  if (/(?:^|\/)\./u.test(name)) return 'a hidden file';
  return IMAGE_ENDING.test(name) ? undefined : 'not an image by its name';
}
