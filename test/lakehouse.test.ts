import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { log } from '../src/config.ts';
import { Lakehouse } from '../src/lakehouse.ts';
import { openLocalStore } from '../src/storage/local-store.ts';
import { withFaults } from './support/failing-store.ts';
import { makeTestFolder } from './support/pixlake.ts';
import { inProcessExecutor, makeLake } from './support/run-in-process.ts';

const SQL = 'SELECT id FROM images';

const VERBS: Readonly<Record<string, (lakehouse: Lakehouse) => Promise<unknown>>> = {
  check: (lakehouse) => lakehouse.check(),
  query: (lakehouse) => lakehouse.query(SQL),
  queryToParquet: async (lakehouse) =>
    lakehouse.queryToParquet(SQL, join(await makeTestFolder(), 'a.parquet')),
  run: (lakehouse) => lakehouse.run({ name: 'r', sql: SQL }),
  diskUsage: (lakehouse) => lakehouse.diskUsage(),
  openSandbox: (lakehouse) => lakehouse.openSandbox(),
};

test.each(Object.entries(VERBS))('%s needs a lake', async (_, verb) => {
  const lakehouse = new Lakehouse(openLocalStore(await makeTestFolder()), inProcessExecutor);
  await expect(verb(lakehouse)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
});

test('a lake is checked, queried, run on and measured', async () => {
  const { store } = await makeLake(3);
  const lakehouse = new Lakehouse(store, inProcessExecutor);
  expect(lakehouse.uri).toBe(store.uri);
  await lakehouse.check();
  await using result = await lakehouse.query(`${SQL} ORDER BY id`);
  expect(await result.toArray()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  await using explained = await lakehouse.query(SQL, { isExplained: true });
  expect(explained.columns.map(({ name }) => name)).not.toEqual(['id']);
  const path = join(await makeTestFolder(), 'a.parquet');
  expect(await lakehouse.queryToParquet(SQL, path)).toBe(3);
  expect((await readFile(path)).subarray(0, 4).toString()).toBe('PAR1');
  const hooks = { signal: AbortSignal.abort(new Error('enough')) };
  await expect(lakehouse.run({ name: 'r', sql: SQL }, hooks)).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(await lakehouse.run({ name: 'r', sql: SQL })).toMatchObject({ imageCount: 3 });
  expect(await lakehouse.diskUsage()).toMatchObject({ tables: [{ name: 'images' }], runs: [{ name: 'r' }] });
});

test('an ingest ends with its signal, is logged, and makes the lake', async () => {
  const { store: filled } = await makeLake(3);
  const store = openLocalStore(await makeTestFolder());
  const signals: AbortSignal[] = [];
  const watched = withFaults(store, {
    withSignal(signal) {
      signals.push(signal);
      return store;
    },
  });
  const lakehouse = new Lakehouse(watched, inProcessExecutor);
  const spec = { source: join(filled.uri, '../source') };
  const stopped = AbortSignal.abort(new Error('enough'));
  await expect(lakehouse.ingest(spec, { signal: stopped })).rejects.toThrow('enough');
  expect(signals).toContain(stopped);
  const info = vi.spyOn(log, 'info').mockReturnValue();
  const report = await lakehouse.ingest(spec);
  expect(report).toMatchObject({ table: 'images', addedCount: 3 });
  expect(info).toHaveBeenCalledWith({ report }, 'ingested');
  info.mockRestore();
  await lakehouse.check();
});

test('threads that make single images end with the lakehouse', async () => {
  const lakehouse = new Lakehouse(openLocalStore(await makeTestFolder()), inProcessExecutor);
  const close = vi.spyOn(lakehouse.images, 'close');
  await lakehouse[Symbol.asyncDispose]();
  expect(close).toHaveBeenCalledTimes(1);
});
