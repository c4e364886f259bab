import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeEmptyFolders } from '../../src/storage/remove-empty-folders.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('empty folders go, with those above that this leaves empty; others and the root stay', async () => {
  const root = await makeTestFolder();
  const at = (...names: string[]): string => join(root, ...names);
  for (const folder of ['a/b/c', 'a/b/d', 'e/f', 'e/g', 'h/i']) await mkdir(at(folder), { recursive: true });
  await writeFile(at('e/g/file'), 'x');
  // The parent comes first, and `gone` is not there any more.
  await removeEmptyFolders([at('a/b'), at('a/b/c'), at('a/b/d'), at('e/f'), at('e/g'), at('h/i/gone')], root);
  expect((await readdir(root, { recursive: true })).sort()).toEqual(['e', 'e/g', 'e/g/file']);
  await removeEmptyFolders([root], root);
  const empty = await makeTestFolder();
  await removeEmptyFolders([empty], empty);
  expect(await readdir(empty)).toEqual([]);
});
