import { expect, test, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { SOFTWARE } from '../../src/version.ts';
import { Runs } from '../../src/lakehouse/runs.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { createNoOpExecutor } from '../support/no-op-executor.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { inProcessExecutor, makeLake, runWith } from '../support/run-in-process.ts';

const SPEC = { name: 'r', sql: 'SELECT id FROM images' };

const open = (store: ObjectStore): Runs =>
  new Runs(store, new RunLibrary(store, inProcessExecutor, SOFTWARE));

type Verb = (runs: Runs) => Promise<unknown>;

const VERBS: Readonly<Record<string, Verb>> = {
  vacuum: (runs) => runs.vacuum(),
  delete: (runs) => runs.delete({ name: 'r' }),
  execute: (runs) => runs.execute(SPEC),
  plan: (runs) => runs.plan(SPEC),
  resume: (runs) => runs.resume('r'),
  retry: (runs) => runs.retry('r'),
  list: (runs) => runs.list(),
  show: (runs) => runs.show('r'),
  errors: (runs) => runs.errors('r'),
  cancel: (runs) => runs.cancel('r'),
  drawSheet: (runs) => runs.drawSheet('r', 1),
};

test.each(Object.entries(VERBS))('%s needs a lake', async (_, verb) => {
  const runs = open(openLocalStore(await makeTestFolder()));
  await expect(verb(runs)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
});

test('a run is planned, executed, looked at, swept and deleted', async () => {
  const { store } = await makeLake(3);
  const signals: AbortSignal[] = [];
  const runs = open(
    withFaults(store, {
      withSignal(signal) {
        signals.push(signal);
        return store;
      },
    }),
  );
  expect(await runs.plan(SPEC)).toMatchObject({ rowCount: 3 });
  expect(await runs.list()).toMatchObject({ runs: [] });
  const info = vi.spyOn(log, 'info').mockReturnValue();
  const report = await runs.execute(SPEC);
  expect(report).toMatchObject({ name: 'r', imageCount: 3, errorCount: 0 });
  expect(info).toHaveBeenCalledWith({ report }, 'run finished');
  info.mockRestore();
  expect(await runs.list()).toMatchObject({ runs: [{ state: 'finished' }] });
  expect(await runs.show('r')).toMatchObject({ state: 'finished' });
  expect(await runs.errors('r')).toEqual([]);
  expect(await runs.resume('r')).toMatchObject({ runId: report.runId, imageCount: 3 });
  expect(await runs.retry('r')).toMatchObject({ retriedCount: 0 });
  await expect(runs.cancel('r')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  expect((await runs.drawSheet('r', 2)).subarray(1, 4).toString()).toBe('PNG');
  expect(signals).toEqual([]);
  const { signal } = new AbortController();
  expect(await runs.vacuum(undefined, signal)).toMatchObject({ isDryRun: false });
  expect(signals.splice(0)).toContain(signal);
  expect(await runs.delete({ name: 'r' }, signal)).toMatchObject({ name: 'r', isDryRun: false });
  expect(signals).toContain(signal);
  expect(await runs.list()).toMatchObject({ runs: [] });
});

test('errors of a run are told, a hundred of them unless others are asked for', async () => {
  const { store } = await makeLake(3);
  const wrong = createNoOpExecutor(store, () => 'SELECT planned.* FROM planned, range(40)');
  // A run with more errors than rows is never finished.
  await runWith(store, SPEC, wrong).catch(() => undefined);
  const runs = open(store);
  expect(await runs.errors('r')).toHaveLength(100);
  expect(await runs.errors('r', 101)).toHaveLength(101);
});
