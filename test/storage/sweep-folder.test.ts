import fs from 'node:fs/promises';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { processMark } from '../../src/storage/process-mark.ts';
import { sweepFolder } from '../../src/storage/sweep-folder.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

const [SPACE] = processMark().split('.');
/** Higher than process ids may be. */
const DEAD = `${SPACE}.99999999.1-`;

/** Makes files and folders that somebody touched last at a time in seconds; paths that have others below them are folders. */
async function makeFolder(times: Readonly<Record<string, number>>): Promise<string> {
  const folder = await makeTestFolder();
  const paths = Object.keys(times);
  for (const path of paths)
    if (path.endsWith('/') || paths.some((other) => other.startsWith(`${path}/`)))
      await mkdir(join(folder, path), { recursive: true });
  for (const path of paths)
    if (!path.endsWith('/') && !paths.some((other) => other.startsWith(`${path}/`)))
      await writeFile(join(folder, path), 'x');
  for (const path of paths.toSorted((a, b) => b.length - a.length))
    await utimes(join(folder, path), times[path] ?? 0, times[path] ?? 0);
  return folder;
}

test('what is old goes, and what somebody may be working on stays', async () => {
  const folder = await makeFolder({
    'old/a/file': 1,
    'old/a': 1,
    old: 1,
    'old-file': 99,
    'old-empty/': 1,
    'new-file': 100,
    'new-empty/': 101,
    'new-inside/a/file': 100,
    'new-inside/a': 1,
    'new-inside': 1,
    'new-between/a/file': 1,
    'new-between/a': 100,
    'new-between': 1,
  });
  expect(await sweepFolder(folder, 100_000)).toBe(3);
  expect((await readdir(folder)).sort()).toEqual(['new-between', 'new-empty', 'new-file', 'new-inside']);
});

test('the mark of a process counts more than age', async () => {
  const folder = await makeFolder({
    [`${processMark()}old`]: 1,
    [`${DEAD}new`]: 1000,
    [`${DEAD}folder/`]: 1000,
  });
  expect(await sweepFolder(folder, Number.NEGATIVE_INFINITY)).toBe(2);
  expect(await readdir(folder)).toEqual([`${processMark()}old`]);
});

test('names of others stay', async () => {
  const folder = await makeFolder({ 'theirs-1': 1, 'ours-1': 1, [`${DEAD}x`]: 1 });
  expect(await sweepFolder(folder, 100_000, /^ours/u)).toBe(1);
  expect((await readdir(folder)).sort()).toEqual([`${DEAD}x`, 'theirs-1']);
});

test('what vanishes meanwhile, or belongs to somebody else, does not count', async () => {
  const folder = await makeFolder({ a: 1, b: 1, c: 1 });
  const { lstat } = fs;
  stubBuiltin(vi.spyOn(fs, 'lstat')).mockImplementation((async (path: string) => {
    if (path.endsWith('a')) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return lstat(path);
  }) as never);
  const { rm } = fs;
  stubBuiltin(vi.spyOn(fs, 'rm')).mockImplementation(async (path, options) => {
    if (String(path).endsWith('b')) throw Object.assign(new Error('denied'), { code: 'EPERM' });
    await rm(path, options);
  });
  expect(await sweepFolder(folder, 100_000)).toBe(1);
  expect((await readdir(folder)).sort()).toEqual(['a', 'b']);
});

test('a folder that does not exist is clean; one that cannot be read is not', async () => {
  const folder = await makeFolder({ file: 1 });
  expect(await sweepFolder(join(folder, 'absent'), 100_000)).toBe(0);
  await expect(sweepFolder(join(folder, 'file'), 100_000)).rejects.toThrow('ENOTDIR');
});
