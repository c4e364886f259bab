import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { RunLibrary } from '../../src/run/run-library.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { executionKeys } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import type { SqlRunner } from '../../src/run/select-rows.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { keysOf } from '../support/keys-of.ts';
import { inProcessExecutor, makeLake, wrapAttempts, writeParquet } from '../support/run-in-process.ts';

const SPEC: RunSpec = { name: 'r', sql: 'SELECT id FROM images', shardSize: 1 };
const libraryOf = (store: ObjectStore): RunLibrary =>
  new RunLibrary(store, inProcessExecutor, 'pixlake/test');

test('a run is executed in its lake, by the software that is named', async () => {
  const { store } = await makeLake(2);
  const report = await libraryOf(store).execute(SPEC, {});
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 2 });
  expect(await readExecution(store, report.folder)).toMatchObject({ software: 'pixlake/test' });
});

test('a run whose images all failed has finished, and is an error that names the first reason', async () => {
  const { store } = await makeLake(2);
  for (const id of [1, 2]) await store.delete(`originals/images/${id}.jpg`);
  await expect(libraryOf(store).execute(SPEC, {})).rejects.toMatchObject({
    code: 'RUN_FAILED',
    message: expect.stringMatching(/all 2 images of run r failed, the first with OBJECT_NOT_FOUND: /u),
    remedy: expect.stringContaining('pixlake runs errors r'),
  });
});

test('a run may write to another lake, which is made, and is resumed and retried there from its source', async () => {
  const { store, uri } = await makeLake(3);
  await store.delete('originals/images/2.jpg');
  const root = join(await makeTestFolder(), 'other');
  const before = await keysOf(store);
  const report = await libraryOf(store).execute({ ...SPEC, output: root }, {});
  expect(report).toMatchObject({ imageCount: 2, errorCount: 1 });
  expect(await keysOf(store)).toEqual(before);
  const other = openLocalStore(root);
  const execution = await readExecution(other, report.folder);
  expect(execution).toMatchObject({ sourceLake: uri, run: { output: root } });
  await other.delete(executionKeys.success(report.folder));
  expect(await libraryOf(other).resume('r', {})).toMatchObject({ imageCount: 2, errorCount: 1 });
  expect(await libraryOf(other).retry('r', {}, {})).toMatchObject({ retriedCount: 1, errorCount: 1 });
});

test('a relative output is the folder that it means here and now', async () => {
  const { store } = await makeLake(1);
  const root = await makeTestFolder();
  const cwd = vi.spyOn(process, 'cwd').mockReturnValue(root);
  try {
    await libraryOf(store).execute({ ...SPEC, output: 'there' }, {});
  } finally {
    cwd.mockRestore();
  }
  expect(await keysOf(openLocalStore(join(root, 'there')), 'runs')).not.toEqual([]);
});

test('a run is planned without a trace', async () => {
  const { store } = await makeLake(3);
  const before = await keysOf(store);
  expect(await libraryOf(store).plan(SPEC)).toMatchObject({ rowCount: 3, shardCount: 3 });
  expect(await libraryOf(store).plan({ ...SPEC, model: 'fashion-tiny' })).toMatchObject({
    model: { name: 'fashion-tiny' },
  });
  await expect(libraryOf(store).plan({ ...SPEC, model: 'none' })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
  });
  expect(await keysOf(store)).toEqual(before);
});

test('a run that is stopped can be resumed, and a cancelled one too', async () => {
  const { store } = await makeLake(3);
  const stop = new AbortController();
  const executor = wrapAttempts(inProcessExecutor, async ({ shard }, attempt) => {
    if (shard === 1) stop.abort();
    return attempt();
  });
  const { signal } = stop;
  const stopped = new RunLibrary(store, executor, 'pixlake/test').execute(SPEC, { signal });
  await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  const [spec = ''] = (await keysOf(store, 'runs')).filter((key) => key.endsWith('spec.json'));
  const folder = spec.slice(0, -'/spec.json'.length);
  await store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
  await expect(libraryOf(store).execute(SPEC, {})).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  expect(await libraryOf(store).resume('r', {})).toMatchObject({
    outcome: 'finished',
    imageCount: 3,
    resumedShardCount: 1,
  });
});

test('untrusted SQL is run by the sandbox, with a limit of time and the signal of the run', async () => {
  const { store } = await makeLake(2);
  const calls: unknown[][] = [];
  const refused = new Error('refused');
  const sandbox: SqlRunner = {
    check: async () => Promise.reject(refused),
    async selectInto(...call) {
      calls.push(call);
      throw refused;
    },
  };
  const { signal } = new AbortController();
  await expect(libraryOf(store).execute(SPEC, { sandbox, signal })).rejects.toBe(refused);
  expect(calls).toEqual([[SPEC.sql, expect.stringContaining('.parquet'), 600_000, signal]]);
});

test('a retry that has nothing to do is not begun', async () => {
  const { store } = await makeLake(2);
  await store.delete('originals/images/2.jpg');
  const { folder } = await libraryOf(store).execute(SPEC, {});
  const library = libraryOf(store);
  expect(await library.beginRetry('r', { code: 'IMAGE_EMPTY' })).toBe(false);
  expect(await library.beginRetry('r', {})).toBe(true);
  expect(await store.stat(executionKeys.spec(executionKeys.retry(folder, 1)))).toBeDefined();
  await expect(library.beginRetry('none', {})).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
});

test('a run reports what it was, each time it is executed, and tells its followers', async () => {
  const { store } = await makeLake(3);
  await store.delete('originals/images/2.jpg');
  const told: unknown[] = [];
  const hooks = {
    onStart: ({ runId }: Execution, resumed: number) => void told.push([runId, resumed]),
    onProgress: (progress: object) => void told.push(progress),
  };
  const report = await libraryOf(store).execute({ ...SPEC, copies: 2 }, hooks);
  const images = (await keysOf(store, `${report.folder}/images`)).map(
    async (key) => (await store.stat(key))?.sizeBytes,
  );
  const sizes = await Promise.all(images);
  expect(report).toEqual({
    name: 'r',
    runId: expect.stringMatching(/^[0-9a-f]{16}$/u),
    folder: `runs/r/run_id=${report.runId}`,
    outcome: 'finished',
    rowCount: 3,
    copies: 2,
    imageCount: 4,
    takenCount: 0,
    errorCount: 2,
    imageBytes: sizes.reduce((sum: number, size) => sum + (size ?? 0), 0),
    shardCount: 3,
    resumedShardCount: 0,
    volatileBecause: [],
    model: undefined,
    durationMs: expect.any(Number),
  });
  expect(sizes).toHaveLength(4);
  expect(report.durationMs).toBeLessThan(60_000);
  expect([told[0], told.at(-1)]).toEqual([[report.runId, 0], { imageCount: 4, errorCount: 2 }]);
  told.length = 0;
  const again = await libraryOf(store).execute({ ...SPEC, copies: 2 }, hooks);
  expect(again).toEqual({
    ...report,
    outcome: 'repeated',
    resumedShardCount: 3,
    durationMs: expect.any(Number),
  });
  expect(told).toEqual([]);
});

test('a run takes over what it made before, and what it took over then, unless all is to be made again', async () => {
  const { store, lakehouse } = await makeLake(4);
  const spec = { ...SPEC, shardSize: 2, copies: 2 };
  await libraryOf(store).execute(spec, {});
  for (const id of [4, 3]) {
    await lakehouse.tables.delete({ table: 'images', where: `id = ${id}` });
    const count = 2 * (id - 1);
    expect(await libraryOf(store).execute(spec, {})).toMatchObject({ imageCount: count, takenCount: count });
  }
  expect(await lakehouse.tables.verify('runs.r', true)).toMatchObject({ imageCount: 4, problems: [] });
  await lakehouse.tables.delete({ table: 'images', where: 'id = 2' });
  expect(await libraryOf(store).execute(spec, { isFull: true })).toMatchObject({
    imageCount: 2,
    takenCount: 0,
  });
  expect.assertions(4);
});

test('a run with more errors than its limit is not committed, and has kept its work', async () => {
  const { store } = await makeLake(3);
  await store.delete('originals/images/2.jpg');
  const limited = libraryOf(store).execute(SPEC, { maxErrors: { kind: 'count', value: 0 } });
  await expect(limited).rejects.toMatchObject({ code: 'TOO_MANY_ERRORS' });
  expect(await libraryOf(store).execute(SPEC, {})).toMatchObject({ imageCount: 2, errorCount: 1 });
});

test('what a run reads has to be a lake, and what it writes to is made one', async () => {
  const nowhere = openLocalStore(join(await makeTestFolder(), 'none'));
  for (const refused of [
    libraryOf(nowhere).execute(SPEC, {}),
    libraryOf(nowhere).execute({ ...SPEC, output: nowhere.uri }, {}),
  ])
    await expect(refused).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  const { store } = await makeLake(1);
  const root = join(await makeTestFolder(), 'other');
  const report = await libraryOf(store).execute({ ...SPEC, output: root }, {});
  const other = openLocalStore(root);
  expect(await other.stat('pixlake.json')).toBeDefined();
  // Its source has gone since.
  await store.delete('pixlake.json');
  await other.delete(executionKeys.success(report.folder));
  await expect(libraryOf(other).resume('r', {})).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  await expect(libraryOf(other).retry('r', {}, {})).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  expect.assertions(5);
});

test('a run that is stopped before it begins reads and writes nothing more', async () => {
  const { store } = await makeLake(2);
  const reason = new Error('no more');
  const stopped = libraryOf(store).execute(SPEC, { signal: AbortSignal.abort(reason) });
  await expect(stopped).rejects.toThrow();
  expect((await keysOf(store, 'runs')).filter((key) => key.includes('/images/'))).toEqual([]);
});

test('rows that a sandbox gives are the rows of the run', async () => {
  const { store } = await makeLake(3);
  const tables = [await findQueriedTable(store, parseTableName('images'))];
  const sandbox: SqlRunner = {
    check: async () => ({ columns: ['id'], tables }),
    async selectInto(_sql, path) {
      await copyFile(
        join(await writeParquet(await makeTestFolder(), 'SELECT 2 AS id'), 'rows.parquet'),
        path,
      );
      return { tables, tree: {} };
    },
  };
  expect(await libraryOf(store).execute({ ...SPEC, sql: 'SELECT anything' }, { sandbox })).toMatchObject({
    rowCount: 1,
    imageCount: 1,
  });
});
