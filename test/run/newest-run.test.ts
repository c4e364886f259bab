import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLakehouse, type RunListing, type RunStatus } from '../../src/index.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { startServer } from '../api/server-fixture.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import { makeLake, queryRows, runWith, type TestLake, wrapStore } from '../support/run-in-process.ts';

/** Gives every file and folder of a lake the time that `timeOf` says. */
async function setTimes(uri: string, timeOf: (path: string) => Date): Promise<void> {
  for (const name of await readdir(uri, { recursive: true })) {
    const time = timeOf(name);
    await utimes(join(uri, name), time, time);
  }
}

/** A lake with two finished executions of one run: that of 3 rows was planned first and finished last. */
async function makeDailyLake(): Promise<TestLake> {
  const lake = await makeLake(3);
  const spec = { name: 'daily', sql: 'SELECT * FROM images' };
  let go = (): void => undefined;
  const isLaterDone = new Promise<void>((resolve) => (go = resolve));
  let hasPlanned = (): void => undefined;
  const isPlanned = new Promise<void>((resolve) => (hasPlanned = resolve));
  const store = wrapStore(lake.store, {
    writeIfAbsent: async (key, bytes, options) => {
      if (key.endsWith('spec.json')) {
        hasPlanned();
        await isLaterDone;
      }
      return lake.store.writeIfAbsent(key, bytes, options);
    },
  });
  const first = runWith(store, spec);
  await isPlanned;
  const more = await writeCatalogue(await makeTestFolder(), [csvLine({ id: 4 }), csvLine({ id: 5 })], {
    '4.jpg': await drawJpeg(4, 12, 16),
    '5.jpg': await drawJpeg(5, 12, 16),
  });
  await lake.lakehouse.ingest({ source: more });
  expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', imageCount: 5 });
  go();
  expect(await first).toMatchObject({ outcome: 'finished', imageCount: 3 });
  return lake;
}

test('the newest execution is the one that was planned last, in every copy of a lake, for CLI, REST and SQL', async () => {
  const { uri, store } = await makeDailyLake();
  const newest = await findRun(store, 'daily');
  expect(newest.execution.rowCount).toBe(5);
  const folder = await makeTestFolder();
  const copies = Object.fromEntries(
    ['copied', 'reversed', 'equal', 'packed'].map((name) => [name, join(folder, name)]),
  ) as Record<'copied' | 'reversed' | 'equal' | 'packed', string>;
  for (const copy of [copies.copied, copies.reversed, copies.equal]) await cp(uri, copy, { recursive: true });
  await setTimes(copies.reversed, (path) => new Date(path.includes(newest.execution.runId) ? 1e12 : 2e12));
  await setTimes(copies.equal, () => new Date(1.5e12));
  await mkdir(copies.packed);
  execFileSync('tar', ['-C', uri, '--mtime=@1000000000', '-cf', `${copies.packed}.tar`, '.']);
  execFileSync('tar', ['-C', copies.packed, '-xf', `${copies.packed}.tar`]);

  for (const [name, copy] of Object.entries({ own: uri, ...copies })) {
    const { runs } = await pixlakeJson<RunListing>(copy, 'runs', 'list');
    expect(
      runs.map(({ execution }) => execution.rowCount),
      name,
    ).toEqual([5, 3]);
    const shown = await pixlakeJson<RunStatus>(copy, 'runs', 'show', 'daily');
    expect(shown.folder, name).toBe(newest.folder);
    expect((await findRun(openLocalStore(copy), 'daily')).folder, name).toBe(newest.folder);
    const lakehouse = openLakehouse({ lake: copy });
    const [row] = await queryRows(
      { lakehouse },
      'SELECT count(*)::INTEGER AS n, min(run_id) AS run FROM runs.daily',
    );
    expect(row, name).toEqual({ n: 5, run: newest.execution.runId });
    expect(await lakehouse.tables.verify('runs.daily', true), name).toMatchObject({
      imageCount: 5,
      problems: [],
    });
  }
  for (const copy of [copies.reversed, copies.equal]) {
    const server = await startServer(copy);
    try {
      const resource = (await (await server.get('/v1/runs/daily')).json()) as {
        runId: string;
        rowCount: number;
      };
      expect(resource).toMatchObject({ runId: newest.execution.runId, rowCount: 5 });
      const answer = await server.post('/v1/query', { sql: 'SELECT count(*)::INTEGER AS n FROM runs.daily' });
      expect(await answer.text()).toContain('5');
    } finally {
      await server.stop();
    }
  }
});
