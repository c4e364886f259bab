import { appendFile, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchFile } from '../../src/ingest/watch-file.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function makeFile(): Promise<string> {
  const path = join(await makeTestFolder(), 'a.csv');
  await writeFile(path, 'id\n1\n');
  return path;
}

test('a file that stays as it is may be read again, also one that is not there', async () => {
  const path = await makeFile();
  const watch = await watchFile(path);
  await readFile(path);
  await expect(watch.throwIfChanged()).resolves.toBeUndefined();
  const gone = await watchFile(`${path}.gone`);
  await expect(gone.throwIfChanged()).resolves.toBeUndefined();
});

test.each<[string, (path: string) => Promise<unknown>]>([
  ['is written to', (path) => appendFile(path, 'x')],
  ['has another time', (path) => utimes(path, 1, 1)],
  ['is removed', (path) => rm(path)],
  [
    'is replaced by one of the same size and time',
    async (path) => {
      const { atime, mtime } = await stat(path);
      await writeFile(`${path}.new`, 'id\n2\n');
      await utimes(`${path}.new`, atime, mtime);
      await rename(`${path}.new`, path);
    },
  ],
])('a file that %s has changed', async (_, change) => {
  const path = await makeFile();
  const watch = await watchFile(path);
  await change(path);
  await expect(watch.throwIfChanged()).rejects.toMatchObject({
    code: 'SOURCE_CHANGED',
    message: `${path} changed while it was read; nothing was committed`,
    remedy: 'ingest again when nobody writes to the file, or ingest a copy',
  });
});
