import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createAtOnce, syncPath } from '../../src/storage/local-files.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('a file is created at once where there is none, in a folder that is there', async () => {
  const folder = await makeTestFolder();
  const path = join(folder, 'file');
  expect(createAtOnce(path, Buffer.from('one'))).toBe(true);
  expect(createAtOnce(path, Buffer.from('two'))).toBe(false);
  expect((await readFile(path)).toString()).toBe('one');
  expect(createAtOnce(join(folder, 'a', 'file'), Buffer.from('x'))).toBeUndefined();
  const tooLong = join(folder, 'x'.repeat(300));
  expect(() => createAtOnce(tooLong, Buffer.from('x'))).toThrow(
    expect.objectContaining({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(`cannot write ${tooLong}: ENAMETOOLONG`),
    }),
  );
});

test('a file or folder is synced when that is over, and closed', async () => {
  const folder = await makeTestFolder();
  await mkdir(join(folder, 'a'));
  const handle = await open(folder, 'r');
  const methods = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const order: string[] = [];
  const sync = vi.spyOn(methods, 'sync').mockImplementation(async () => {
    await new Promise(setImmediate);
    order.push('synced');
  });
  onTestFinished(() => sync.mockRestore());
  await syncPath(join(folder, 'a'));
  order.push('over');
  expect(order).toEqual(['synced', 'over']);
  expect(sync.mock.contexts[0]).toMatchObject({ fd: -1 });
  await expect(syncPath(join(folder, 'none'))).rejects.toThrow('ENOENT');
});
