import { expect, test } from 'vitest';
import { type BlockMarker, readBlock } from '../../src/run/block-marker.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const EXECUTION = makeExecution('r');
const FOLDER = folderOf(EXECUTION);
const add = (path: string): NonNullable<BlockMarker['manifest']> => ({
  path,
  partitionValues: {},
  size: 3,
  modificationTime: 1,
  dataChange: true,
});
const BLOCK: BlockMarker = {
  block: 1,
  shardCount: 1000,
  imageCount: 7,
  takenCount: 1,
  errorCount: 2,
  imageBytes: 99,
  manifest: add('m.parquet'),
  errors: add('e.parquet'),
};

async function storeWith(
  block: Readonly<Record<string, unknown>>,
  sizes: Record<string, number>,
): Promise<ObjectStore> {
  const store = openLocalStore(await makeTestFolder());
  for (const [name, size] of Object.entries(sizes))
    await store.write(`${FOLDER}/${name}`, Buffer.alloc(size));
  await store.write(executionKeys.block(FOLDER, 1), encodeStored(block));
  return store;
}

const WHOLE = { 'manifest/m.parquet': 3, 'errors/e.parquet': 3 };

test('a block is read whose data files lie there as long as it says', async () => {
  expect(await readBlock(await storeWith(BLOCK, WHOLE), EXECUTION, 1)).toEqual(BLOCK);
  const failed = { ...BLOCK, manifest: null };
  expect(await readBlock(await storeWith(failed, { 'errors/e.parquet': 3 }), EXECUTION, 1)).toEqual(failed);
  const fine = { ...BLOCK, errors: null };
  expect(await readBlock(await storeWith(fine, { 'manifest/m.parquet': 3 }), EXECUTION, 1)).toEqual(fine);
});

test('the files of a retry lie in the tables of its execution', async () => {
  const retry = { ...EXECUTION, retry: { number: 1 } };
  const store = await storeWith(BLOCK, WHOLE);
  await store.write(executionKeys.block(folderOf(retry), 1), encodeStored(BLOCK));
  expect(await readBlock(store, retry, 1)).toEqual(BLOCK);
});

test.each<[string, Readonly<Record<string, unknown>>, Record<string, number>]>([
  ['has lost its file of images', BLOCK, { 'errors/e.parquet': 3 }],
  ['has lost its file of errors', BLOCK, { 'manifest/m.parquet': 3 }],
  ['has a shorter file of images', BLOCK, { ...WHOLE, 'manifest/m.parquet': 2 }],
  ['has a longer file of errors', BLOCK, { ...WHOLE, 'errors/e.parquet': 4 }],
  ['is another one', { ...BLOCK, block: 0 }, WHOLE],
  ['lacks a count', { ...BLOCK, errorCount: undefined }, WHOLE],
  ['names a file without a path', { ...BLOCK, manifest: { size: 3 } }, WHOLE],
  ['names no file as it should', { ...BLOCK, errors: 'e.parquet' }, WHOLE],
  ['counts less than nothing', { ...BLOCK, imageBytes: -1 }, WHOLE],
  ['counts half an image', { ...BLOCK, imageCount: 0.5 }, WHOLE],
  ['does not say whether it has errors', { ...BLOCK, errors: undefined }, WHOLE],
])('a block that %s has to be merged again', async (_, block, sizes) => {
  expect(await readBlock(await storeWith(block, sizes), EXECUTION, 1)).toBeUndefined();
});

test('a block that was not merged yet is none', async () => {
  expect(await readBlock(await storeWith(BLOCK, WHOLE), EXECUTION, 0)).toBeUndefined();
});
