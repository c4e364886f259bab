import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { listParquetFiles } from '../../src/catalog/parquet-folder.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('the Parquet files of a folder are those that other tools see, with the values of their folders', async () => {
  const root = await makeTestFolder();
  const paths = [
    '.f_/b.parquet',
    '.f_/a.PARQUET',
    '.f_/day=2020-01-01/k=a%20b=c/plain/x.parquet',
    '.f_/k=__HIVE_DEFAULT_PARTITION__/y.parquet',
    '.f_/k=%zz/é#?.parquet',
    '.f_/k=/z.parquet',
    // None of these.
    '.f_/_hidden/x.parquet',
    '.f_/.hidden/x.parquet',
    '.f_/k=1/_x.parquet',
    '.f_/x.parquet.tmp',
    '.f_/x.csv',
    'g/x.parquet',
  ];
  for (const path of paths) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), '12345');
  }
  const files = await listParquetFiles(openLocalStore(root), '.f_');
  expect(files.map(({ key, sizeBytes, partitionValues }) => [key, sizeBytes, partitionValues])).toEqual([
    ['.f_/a.PARQUET', 5, {}],
    ['.f_/b.parquet', 5, {}],
    ['.f_/day=2020-01-01/k=a%20b=c/plain/x.parquet', 5, { day: '2020-01-01', k: 'a b=c' }],
    ['.f_/k=%zz/é#?.parquet', 5, { k: '%zz' }],
    ['.f_/k=/z.parquet', 5, { k: '' }],
    ['.f_/k=__HIVE_DEFAULT_PARTITION__/y.parquet', 5, { k: null }],
  ]);
  expect(files[3]?.add).toEqual({
    path: 'k=%25zz/%C3%A9%23%3F.parquet',
    partitionValues: { k: '%zz' },
    size: 5,
    modificationTime: expect.any(Number),
    dataChange: true,
  });
  expect(files.map(({ add }) => add.modificationTime > 1e12)).toEqual(files.map(() => true));
});

test('one file is a table of its own, whatever its name', async () => {
  const root = await makeTestFolder();
  await mkdir(join(root, 'k=1'));
  await writeFile(join(root, 'k=1/data.bin'), 'abc');
  await symlink(join(root, 'k=1/data.bin'), join(root, 'link'));
  const store = openLocalStore(root);
  const [file, ...others] = await listParquetFiles(store, 'k=1/data.bin');
  expect([file?.key, file?.sizeBytes, file?.partitionValues, file?.add.path, others]).toEqual([
    'k=1/data.bin',
    3,
    {},
    'data.bin',
    [],
  ]);
  expect(await listParquetFiles(store, 'none')).toEqual([]);
});
