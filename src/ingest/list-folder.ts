import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { messageOf, PixlakeError } from '../errors.ts';
import { decodeName, type ListedFile } from './listed-file.ts';
import { describeFailure } from './read-whole-file.ts';

const SLASH = Buffer.from('/');

/**
 * Lists the files of a folder and its subfolders. Folders that cannot be read are listed with a problem. Links are not followed, because they
 * could lead anywhere.
 *
 * @throws `SOURCE_NOT_FOUND` if the folder itself cannot be listed
 */
export async function* listFolder(root: string): AsyncGenerator<ListedFile> {
  try {
    yield* listBelow(Buffer.from(root), '');
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot list ${root}: ${messageOf(error)}`, { cause: error });
  }
}

async function* listBelow(path: Buffer, prefix: string): AsyncGenerator<ListedFile> {
  const subfolders: Buffer[] = [];
  for await (const entry of await openFolder(path)) {
    // Deno returns texts anyway.
    const bytes = Buffer.from(entry.name);
    const { name: last, isText } = decodeName(bytes);
    const name = `${prefix}${last}`;
    if (entry.isDirectory()) subfolders.push(bytes);
    else if (!isText) yield { name, problem: 'the name is not UTF-8' };
    else yield entry.isFile() ? { name } : { name, problem: 'a link or special file' };
  }
  // Done after this folder is closed, so deep trees do not keep a folder open for each level.
  for (const bytes of subfolders) {
    const { name, isText } = decodeName(bytes);
    yield* listSubfolder(Buffer.concat([path, SLASH, bytes]), `${prefix}${name}`, isText);
  }
}

async function* listSubfolder(path: Buffer, name: string, isText: boolean): AsyncGenerator<ListedFile> {
  try {
    for await (const file of listBelow(path, `${name}/`))
      yield isText ? file : { ...file, problem: 'the name of its folder is not UTF-8' };
  } catch (error) {
    yield { name: `${name}/`, problem: `the folder cannot be listed: ${describeFailure(error, name)}` };
  }
}

/** Names are read as bytes, because a name that is not UTF-8 would be lost as text. Node's types do not have this option. */
async function openFolder(path: Buffer): Promise<AsyncIterable<Dirent<Buffer>>> {
  // Deno, in which notebooks run, needs this size, which is Node's default.
  const folder: unknown = await opendir(path, { encoding: 'buffer' as BufferEncoding, bufferSize: 32 });
  return folder as AsyncIterable<Dirent<Buffer>>;
}
