import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listFolder } from '../../src/ingest/list-folder.ts';
import type { ListedFile } from '../../src/ingest/listed-file.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function listOf(folder: string): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for await (const file of listFolder(folder)) files.push(file);
  return files;
}

const latin1 = (path: string): Buffer => Buffer.from(path, 'latin1');

test('a folder is listed before those below it, with what is passed over and why', async () => {
  const folder = await makeTestFolder();
  await mkdir(join(folder, 'a/b'), { recursive: true });
  await mkdir(latin1(`${folder}/a/f\xE9`));
  await writeFile(join(folder, 'a/b/1.txt'), '');
  await writeFile(join(folder, 'z.jpg'), '');
  await writeFile(latin1(`${folder}/a/caf\xE9`), '');
  await writeFile(latin1(`${folder}/a/f\xE9/2`), '');
  await symlink(folder, join(folder, 'a/b/link'));
  const files = await listOf(folder);
  expect(files[0]).toEqual({ name: 'z.jpg' });
  expect(files.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
    { name: 'a/b/1.txt' },
    { name: 'a/b/link', problem: 'a link or special file' },
    { name: 'a/caf\\xE9', problem: 'the name is not UTF-8' },
    { name: 'a/f\\xE9/2', problem: 'the name of its folder is not UTF-8' },
    { name: 'z.jpg' },
  ]);
});

test('a folder that is not there, or none, is not found', async () => {
  const folder = await makeTestFolder();
  await writeFile(join(folder, 'file'), '');
  await expect(listOf(join(folder, 'gone'))).rejects.toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: expect.stringContaining(`cannot list ${join(folder, 'gone')}: ENOENT`),
    cause: { code: 'ENOENT' },
  });
  await expect(listOf(join(folder, 'file'))).rejects.toMatchObject({ cause: { code: 'ENOTDIR' } });
});
