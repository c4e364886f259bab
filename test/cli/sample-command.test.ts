import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

test('sample draws as many rows as it is told, the same for a seed, and says what it planted', async () => {
  const folder = join(await makeTestFolder(), 'a');
  const { stdout } = await pixlake('.', 'sample', folder, '--rows', '50');
  expect(stdout).toMatch(/^drew 50 rows and (\d+) images into .*\nquirks planted: \w+ \d+/u);
  const images = await readdir(join(folder, 'images'));
  expect(stdout).toContain(`and ${images.length} images`);
  const again = join(folder, '../b');
  expect(await pixlakeJson(again, 'sample', again, '--rows', '50', '--seed', '42')).toMatchObject({
    rowCount: 50,
    imageCount: images.length,
  });
  expect(await readdir(join(again, 'images'))).toEqual(images);
  const other = join(folder, '../c');
  await pixlakeJson(other, 'sample', other, '--rows', '50', '--seed', '43');
  const [first, same, different] = await Promise.all(
    [folder, again, other].map((at) => readFile(join(at, 'styles.csv'), 'utf8')),
  );
  expect(same).toBe(first);
  expect(different).not.toBe(first);
  expect(await pixlake('.', 'sample', folder, '--rows', '0')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('at least 1'),
  });
  expect(await pixlake('.', 'sample')).toMatchObject({ code: 2 });
});
