import { expect, test } from 'vitest';
import {
  blockCountOf,
  blockOf,
  executionKeys,
  folderOf,
  imagesPerRow,
  numberName,
  parseVersions,
  readRunState,
  rowsOf,
  shardsOf,
  tablesFolderOf,
} from '../../src/run/execution.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const EXECUTION = { ...makeExecution('r'), rowCount: 10_003, shardSize: 4, shardCount: 2501 };

test('the shards of an execution hold each row once, the last one what is left', () => {
  const ranges = Array.from({ length: EXECUTION.shardCount }, (_, shard) => rowsOf(EXECUTION, shard));
  expect(ranges[0]).toEqual({ first: 0, end: 4 });
  expect(ranges.at(-1)).toEqual({ first: 10_000, end: 10_003 });
  for (const [index, { first }] of ranges.entries()) expect(first).toBe(ranges[index - 1]?.end ?? 0);
});

test('the blocks of an execution hold each shard once, the last one what is left', () => {
  expect(blockCountOf(EXECUTION)).toBe(3);
  expect([0, 1, 2].map((block) => shardsOf(EXECUTION, block))).toEqual([
    { first: 0, count: 1000 },
    { first: 1000, count: 1000 },
    { first: 2000, count: 501 },
  ]);
  expect([0, 999, 1000, 2500].map(blockOf)).toEqual([0, 0, 1, 2]);
  expect(blockCountOf({ ...EXECUTION, shardCount: 2000 })).toBe(2);
  expect(shardsOf({ ...EXECUTION, shardCount: 2000 }, 1)).toEqual({ first: 1000, count: 1000 });
});

test('objects of an execution lie where other versions of pixlake look for them', () => {
  const folder = 'runs/r/run_id=0';
  const plan = { sha256: 'ab'.repeat(32) };
  expect(executionKeys.planPart(folder, plan, 3)).toBe(`${folder}/plan/abababababababab/part-00003.parquet`);
  expect(executionKeys.shard(folder, 1234)).toBe(`${folder}/shards/00001/01234.json`);
  expect(executionKeys.block(folder, 1)).toBe(`${folder}/blocks/00001.json`);
  expect(executionKeys.blocks(folder)).toBe(`${folder}/blocks`);
  expect(executionKeys.shards(folder, 1)).toBe(`${folder}/shards/00001`);
  expect(executionKeys.planFolder(folder)).toBe(`${folder}/plan`);
  expect(executionKeys.parts(folder)).toBe(`${folder}/parts`);
  expect(executionKeys.errors(folder)).toBe(`${folder}/errors`);
  expect(executionKeys.manifest(folder)).toBe(`${folder}/manifest`);
  expect(executionKeys.retries(folder)).toBe(`${folder}/retries`);
  expect(executionKeys.retry(folder, 12)).toBe(`${folder}/retries/12`);
  expect(executionKeys.cancelled(folder)).toBe(`${folder}/_CANCELLED`);
  expect(executionKeys.success(folder)).toBe(`${folder}/_SUCCESS`);
  expect(executionKeys.spec(folder)).toBe(`${folder}/spec.json`);
  // The beginning of the hash of "00000" and of "00001".
  expect(executionKeys.images(folder, 0)).toMatchInlineSnapshot(`"runs/r/run_id=0/images/e7/00000"`);
  expect(executionKeys.images(folder, 1)).toMatchInlineSnapshot(`"runs/r/run_id=0/images/85/00001"`);
  expect([numberName(7), numberName(123_456)]).toEqual(['00007', '123456']);
});

test('a retry lies in the folder of the execution whose errors it does again, a row for each image', () => {
  const execution = makeExecution('r');
  const run = { ...execution.run, copies: 3 };
  const retry = { ...execution, run, retry: { number: 2 } };
  expect(folderOf(execution)).toBe(`runs/r/run_id=${execution.runId}`);
  expect(folderOf(retry)).toBe(`${folderOf(execution)}/retries/2`);
  expect(tablesFolderOf(retry)).toBe(folderOf(execution));
  expect([imagesPerRow({ ...execution, run }), imagesPerRow(retry)]).toEqual([3, 1]);
  expect(parseVersions('5,7')).toEqual([5, 7]);
});

test('a run has finished once it says so, also where it was cancelled before', async () => {
  const store = openLocalStore(await makeTestFolder());
  const folder = 'runs/r/run_id=0';
  expect(await readRunState(store, folder)).toBe('unfinished');
  await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
  expect(await readRunState(store, folder)).toBe('cancelled');
  await store.write(executionKeys.success(folder), Buffer.alloc(0));
  expect(await readRunState(store, folder)).toBe('finished');
});
