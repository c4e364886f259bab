import { describe, expect, test } from 'vitest';
import type { BlockMarker } from '../../src/run/block-marker.ts';
import { addUpBlocks, commitRun } from '../../src/run/commit-run.ts';
import { driveShards } from '../../src/run/drive-shards.ts';
import { ERRORS_SCHEMA } from '../../src/run/error-columns.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { FinishedShards, readFinishedShards } from '../../src/run/finished-shards.ts';
import { hashExecution } from '../../src/run/load-execution.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { readSuccess } from '../../src/run/success.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { AttemptCells } from '../../src/work/attempt.ts';
import { makeExecution } from '../support/execution.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { inProcessExecutor, makeContext, makeLake, runWith } from '../support/run-in-process.ts';
import { keysOf } from '../support/keys-of.ts';

const SPEC = { name: 'r', sql: 'SELECT id, year FROM images', shardSize: 2 };

const RUN = parseRunSpec(SPEC, 'test');

/** Another process, as far as the lake can tell. */
function openProcess(uri: string): RunContext {
  return makeContext(openLocalStore(uri));
}

test('planning, driving and committing are done by any process, each once whoever does it again', async () => {
  const { uri, store, lakehouse } = await makeLake(10);
  const execution = await planRun(openProcess(uri), RUN);
  const folder = folderOf(execution);
  expect(await planRun(openProcess(uri), RUN)).toEqual(execution);
  await expect(commitRun(openProcess(uri), execution)).rejects.toMatchObject({
    code: 'RUN_UNFINISHED',
    message: '5 of 5 shards of run r are not done, or damaged',
  });
  const frozen = await readExecution(store, folder);
  await Promise.all([driveShards(openProcess(uri), frozen), driveShards(openProcess(uri), frozen)]);
  expect(await store.stat(executionKeys.success(folder))).toBeUndefined();
  const committed = await Promise.all([
    commitRun(openProcess(uri), frozen),
    commitRun(openProcess(uri), frozen),
  ]);
  expect(committed).toEqual(Array(2).fill(expect.objectContaining({ imageCount: 10, errorCount: 0 })));
  const keys = await keysOf(store, folder);
  await driveShards(openProcess(uri), frozen);
  expect(await commitRun(openProcess(uri), frozen)).toEqual(committed[0]);
  expect(await keysOf(store, folder)).toEqual(keys);
  expect(await runWith(store, SPEC)).toMatchObject({ outcome: 'repeated', imageCount: 10 });
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount: 10, problems: [] });
});

test('a commit merges what only workers have done, and refuses a run that was cancelled', async () => {
  const { uri, store, lakehouse } = await makeLake(10);
  const execution = await planRun(openProcess(uri), RUN);
  const folder = folderOf(execution);
  await using workers = await inProcessExecutor.start({ jobCount: 5, model: undefined });
  for (let shard = 0; shard < 5; shard++) {
    const place = { lake: uri, source: uri, folder, executionSha256: hashExecution(execution) };
    await workers.attempt({ ...place, shard }, new AttemptCells());
  }
  expect(await keysOf(store, executionKeys.blocks(folder))).toEqual([]);
  await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
  const cancelled = { code: 'RUN_CANCELLED' };
  await expect(commitRun(openProcess(uri), execution)).rejects.toMatchObject(cancelled);
  await store.delete(executionKeys.cancelled(folder));
  expect(await commitRun(openProcess(uri), execution)).toMatchObject({ imageCount: 10 });
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount: 10, problems: [] });
});

const add = (path: string, rowCount: number): NonNullable<BlockMarker['manifest']> => ({
  path,
  partitionValues: {},
  size: 3,
  modificationTime: 1,
  dataChange: true,
  stats: JSON.stringify({ numRecords: rowCount }),
});

const BLOCKS: readonly BlockMarker[] = [
  {
    block: 0,
    shardCount: 1000,
    imageCount: 1998,
    takenCount: 7,
    errorCount: 2,
    imageBytes: 50,
    manifest: add('m0.parquet', 1998),
    errors: add('e0.parquet', 2),
  },
  {
    block: 1,
    shardCount: 1,
    imageCount: 0,
    takenCount: 0,
    errorCount: 2,
    imageBytes: 0,
    manifest: null,
    errors: add('e1.parquet', 2),
  },
  {
    block: 2,
    shardCount: 1,
    imageCount: 2,
    takenCount: 1,
    errorCount: 0,
    imageBytes: 30,
    manifest: add('m2.parquet', 2),
    errors: null,
  },
];

/** An execution with two copies of 1,002 rows, in three blocks. */
function makeMerged(change: Partial<BlockMarker> = {}): {
  readonly execution: Execution;
  readonly finished: FinishedShards;
} {
  const made = makeExecution('r', { rowCount: 1002, shardSize: 1, shardCount: 2001 });
  const execution = { ...made, run: { ...made.run, copies: 2 } };
  const finished = new FinishedShards(execution);
  const [whole, ...rest] = BLOCKS;
  for (const block of [{ ...whole, ...change } as BlockMarker, ...rest]) finished.addBlock(block);
  return { execution, finished };
}

describe('the totals of blocks', () => {
  test('are the sums of their counts and their files in order', () => {
    const { execution, finished } = makeMerged();
    expect(addUpBlocks(execution, finished)).toEqual({
      success: {
        runId: execution.runId,
        imageCount: 2000,
        takenCount: 8,
        errorCount: 4,
        imageBytes: 80,
      },
      manifest: [BLOCKS[0]?.manifest, BLOCKS[2]?.manifest],
      errors: [BLOCKS[0]?.errors, BLOCKS[1]?.errors],
    });
    // A row of a retry's plan is one image.
    const retry = { ...execution, rowCount: 2004, retry: { number: 1 } };
    expect(addUpBlocks(retry, finished).success.imageCount).toBe(2000);
  });

  test.each([
    ['more', { imageCount: 1999 }, 2001, 4],
    ['fewer', { errorCount: 1 }, 2000, 3],
  ])('with %s images than the plan has are damaged', (_, change, imageCount, errorCount) => {
    const { execution, finished } = makeMerged(change);
    expect(() => addUpBlocks(execution, finished)).toThrow(
      expect.objectContaining({
        code: 'RUN_CORRUPT',
        message: `${folderOf(execution)} has ${imageCount} images and ${errorCount} errors, but its plan has 2004`,
      }),
    );
  });

  test('of which one is not merged are not known', () => {
    const { execution, finished } = makeMerged();
    finished.blocks.delete(2);
    expect(() => addUpBlocks(execution, finished)).toThrow(
      expect.objectContaining({
        code: 'RUN_CORRUPT',
        message: `block 2 of ${folderOf(execution)} is not done`,
      }),
    );
  });
});

describe('the commit of blocks that are merged', () => {
  async function open(): Promise<{
    readonly store: ObjectStore;
    readonly execution: Execution;
    readonly finished: FinishedShards;
    readonly written: string[];
  }> {
    const { execution, finished } = makeMerged();
    const written: string[] = [];
    const local = openLocalStore(await makeTestFolder());
    const folder = folderOf(execution);
    for (const name of ['manifest/m0', 'manifest/m2', 'errors/e0', 'errors/e1'])
      await local.write(`${folder}/${name}.parquet`, Buffer.alloc(3));
    const store = withFaults(local, {
      async writeIfAbsent(key, bytes, options) {
        const isWritten = await local.writeIfAbsent(key, bytes, options);
        written.push(`${key.slice(folder.length + 1)}${isWritten ? '' : ' again'}`);
        return isWritten;
      },
    });
    return { store, execution, finished, written };
  }

  test('is one of the errors, then one of the manifest, and then the end of the run', async () => {
    const { store, execution, finished, written } = await open();
    const success = await commitRun({ store, software: 'pixlake/test' }, execution, finished);
    expect(success).toEqual({
      ...addUpBlocks(execution, finished).success,
      finishedMs: expect.any(Number),
    });
    expect(written.filter((key) => !key.includes('checksum') && !key.endsWith('.crc'))).toEqual([
      'errors/_delta_log/00000000000000000000.json',
      'manifest/_delta_log/00000000000000000000.json',
      '_SUCCESS',
    ]);
    const folder = folderOf(execution);
    const tables = [
      ['errors', ['e0.parquet', 'e1.parquet'], ERRORS_SCHEMA],
      ['manifest', ['m0.parquet', 'm2.parquet'], execution.manifestSchema],
    ] as const;
    for (const [table, paths, schema] of tables) {
      const snapshot = await readSnapshot(store, executionKeys[table](folder));
      expect(snapshot).toMatchObject({ version: 0, schema });
      expect(snapshot?.files.map(({ add: { path } }) => path).toSorted()).toEqual(paths);
      expect(await readHistory(store, executionKeys[table](folder), 9)).toMatchObject([
        { version: 0, operation: 'WRITE' },
      ]);
    }
    // Once more, it is as it was.
    written.length = 0;
    expect(await commitRun({ store, software: 'other' }, execution)).toEqual(success);
    expect(written).toEqual([]);
    expect.assertions(2 + 2 * 3 + 2);
  });

  test.each([
    ['counts', { kind: 'count', value: 3 }, '4 of 2004 images of run r failed; the limit is 3'],
    ['shares', { kind: 'percent', value: 0.1 }, '4 of 2004 images of run r failed; the limit is 0.1%'],
  ] as const)('is refused beyond a limit of errors that %s', async (_, maxErrors, message) => {
    const { store, execution, finished, written } = await open();
    await expect(commitRun({ store, software: 's', maxErrors }, execution, finished)).rejects.toMatchObject({
      code: 'TOO_MANY_ERRORS',
      message,
    });
    expect(written).toEqual([]);
    await commitRun({ store, software: 's', maxErrors: { kind: 'count', value: 4 } }, execution, finished);
    expect(await readSuccess(store, folderOf(execution))).toMatchObject({ errorCount: 4 });
  });

  test('is refused while the run is cancelled', async () => {
    const { store, execution, finished, written } = await open();
    await store.write(executionKeys.cancelled(folderOf(execution)), Buffer.alloc(0));
    const context = { store, software: 's' };
    await expect(commitRun(context, execution, finished)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    expect(written).toEqual([]);
  });

  test('is refused while shards are not done', async () => {
    const { store, execution, written } = await open();
    const context = { store, software: 's' };
    const finished = await readFinishedShards(store, execution);
    finished.set(7, true);
    await expect(commitRun(context, execution, finished)).rejects.toMatchObject({
      code: 'RUN_UNFINISHED',
      message: '2000 of 2001 shards of run r are not done, or damaged',
      remedy: 'finish it first: pixlake runs resume r',
    });
    expect(written).toEqual([]);
  });
});
