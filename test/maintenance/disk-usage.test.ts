import { rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DiskUsage, openLakehouse, type Usage } from '../../src/index.ts';
import { measureUsage } from '../../src/maintenance/disk-usage.ts';
import { folderOf } from '../../src/run/execution.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { filesIn, copyDailyRun } from '../support/daily-run.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { beginFrozenRuns } from './frozen-runs.ts';

async function measure(paths: readonly string[]): Promise<Usage> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  return { fileCount: paths.length, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

const sum = (usages: readonly Usage[]): Usage => ({
  fileCount: usages.reduce((total, { fileCount }) => total + fileCount, 0),
  sizeBytes: usages.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
});

test('du adds up to the bytes on disk, in all and by kind', async () => {
  const { lake, reports } = await copyDailyRun();
  const lakehouse = openLakehouse({ lake });
  await lakehouse.tables.delete({ table: 'images', where: 'id = 1' });
  await rename(join(lake, 'originals/images/2.jpg'), join(lake, 'originals/images/2.away'));
  await new Submissions(openLocalStore(lake)).accept(
    { name: 'waits', sql: 'SELECT * FROM images' },
    { idempotencyKey: 'k' },
  );
  await lakehouse.tables.attach('mirror', join(lake, 'tables/images'));
  await writeFile(join(lake, 'tables/images/part-orphan.parquet'), 'nobody knows it');
  await writeFile(join(lake, '.tmp/leftover'), 'a process died');
  await writeFile(join(lake, 'notes.txt'), 'somebody wrote it');
  const usage = await pixlakeJson<DiskUsage>(lake, 'du');
  const all = await filesIn(lake);
  expect(usage).toMatchObject(await measure(all));

  const below = async (pattern: RegExp): Promise<Usage> =>
    measure(all.filter((path) => pattern.test(path.slice(lake.length + 1))));
  const [table] = usage.tables;
  expect(table).toMatchObject({
    name: 'images',
    originals: await below(/^originals\//u),
    log: await below(/^tables\/images\/_delta_log\//u),
    orphans: { fileCount: 1, sizeBytes: 15 },
  });
  expect(table?.earlier.fileCount).toBeGreaterThan(0);
  expect(table).toMatchObject(
    sum(
      [table?.data, table?.earlier, table?.orphans, table?.log, table?.originals].map(
        (part) => part ?? sum([]),
      ),
    ),
  );
  expect(usage.runs.map(({ folder }) => folder).sort()).toEqual(reports.map(({ folder }) => folder).sort());
  for (const run of usage.runs) {
    const { images, plan, parts, manifest, retries } = run;
    expect(run).toMatchObject(await measure(await filesIn(join(lake, run.folder))));
    expect(run).toMatchObject(sum([images, plan, parts, manifest, retries]));
    expect(images).toEqual(await measure(await filesIn(join(lake, run.folder, 'images'))));
  }
  const taken = usage.runs.map(({ takenCount }) => takenCount);
  expect(taken.sort((a, b) => a - b)).toEqual([0, 3, 4]);
  const sizes = usage.runs.map(({ sizeBytes }) => sizeBytes);
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(usage.submissions).toEqual(await below(/^submissions\//u));
  expect(usage.temporary).toEqual(await below(/^\.tmp\//u));
  expect(usage.other).toEqual(await below(/^(?:notes\.txt|pixlake\.json|attached\/.*)$/u));
  const { tables, runs, models, ingests, submissions, temporary, other } = usage;
  expect(usage).toMatchObject(
    sum([...tables, ...runs, ...models, ...ingests, submissions, temporary, other]),
  );

  const { stdout } = await pixlake(lake, 'du');
  expect(stdout).toMatch(/^ *\d+\.\d kB {2}table images: /mu);
  expect(stdout).toContain(`total, ${all.length} files`);
});

test('du tells of damaged tables and runs, too', async () => {
  const { lake, reports } = await copyDailyRun();
  await writeFile(join(lake, 'tables/images/_delta_log/00000000000000000001.json'), '{"torn');
  await writeFile(join(lake, reports[0].folder, 'spec.json'), '{"torn');
  const usage = await openLakehouse({ lake }).diskUsage();
  expect(usage).toMatchObject(await measure(await filesIn(lake)));
  const states = Object.fromEntries(usage.runs.map(({ folder, state }) => [folder, state]));
  expect(states).toMatchObject({ [reports[0].folder]: 'unreadable', [reports[2].folder]: 'finished' });
});

describe('du puts each file where it belongs', () => {
  const usage = (fileCount: number, sizeBytes: number): Usage => ({ fileCount, sizeBytes });
  const measureStore = (store: ObjectStore): Promise<DiskUsage> => measureUsage({ store, software: 'test' });

  test('and what is largest first', async () => {
    const store = openLocalStore(await makeTestFolder());
    const sizes = {
      '.tmp/a': 1,
      'submissions/r.json': 2,
      'submissions/changes/r/1.json': 3,
      'pixlake.json': 4,
      'attached/m.json': 5,
      'somewhere/else/x': 6,
      'models/toy/model.json': 7,
      'models/big/model.onnx': 700,
      'ingests/t/1/rejects.csv': 8,
      'originals/t/1.jpg': 9,
      'originals/u/packs/1.tar': 900,
      'tables/t/_delta_log/x.json': 10,
      'tables/t/k=1/a.parquet': 11,
      'runs/r/run_id=1/spec.json': 12,
      'runs/r/run_id=1/images/00/1.jpg': 13,
      'runs/r/run_id=1/plan/0/part-00000.parquet': 14,
      'runs/r/run_id=1/parts/0.parquet': 15,
      'runs/r/run_id=1/manifest/0.parquet': 16,
      'runs/r/run_id=1/retries/1/images/00/1.jpg': 17,
      'runs/r/stray': 18,
      'runs/s/run_id=2/images/1.jpg': 1000,
    };
    for (const [key, size] of Object.entries(sizes)) await store.write(key, Buffer.alloc(size));
    const none = usage(0, 0);
    const empty = { data: none, earlier: none, orphans: none, log: none, originals: none };
    const run = {
      state: 'removed',
      takenCount: 0,
      images: none,
      plan: none,
      parts: none,
      manifest: none,
      retries: none,
    };
    const total = Object.values(sizes).reduce((all, size) => all + size, 0);
    expect(await measureStore(store)).toEqual({
      ...usage(Object.keys(sizes).length, total),
      tables: [
        { name: 'u', ...usage(1, 900), ...empty, originals: usage(1, 900) },
        {
          name: 't',
          ...usage(3, 30),
          ...empty,
          log: usage(1, 10),
          orphans: usage(1, 11),
          originals: usage(1, 9),
        },
      ],
      runs: [
        { name: 's', folder: 'runs/s/run_id=2', ...usage(1, 1000), ...run, images: usage(1, 1000) },
        {
          name: 'r',
          folder: 'runs/r/run_id=1',
          ...usage(6, 87),
          ...run,
          images: usage(1, 13),
          plan: usage(1, 14),
          parts: usage(2, 27),
          manifest: usage(1, 16),
          retries: usage(1, 17),
          state: 'unreadable',
        },
      ],
      models: [
        { name: 'big', ...usage(1, 700) },
        { name: 'toy', ...usage(1, 7) },
      ],
      ingests: [{ name: 't', ...usage(1, 8) }],
      submissions: usage(2, 5),
      temporary: usage(1, 1),
      other: usage(4, 33),
    });
  });

  test('and of equal sizes what comes first by name', async () => {
    const store = openLocalStore(await makeTestFolder());
    for (const name of ['b', 'c', 'a']) await store.write(`models/${name}/x`, Buffer.alloc(1));
    expect((await measureStore(store)).models.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('data files by the versions that have them, table by table', async () => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ id: 'long' }).add('a.parquet').add('b.parquet');
    await table.commit();
    await table.remove('a.parquet').commit();
    for (const name of ['a', 'b', 'c'])
      await table.store.write(
        `tables/t/${name}.parquet`,
        Buffer.alloc({ a: 10, b: 200, c: 3000 }[name] ?? 0),
      );
    await table.store.write('tables/v/b.parquet', Buffer.alloc(5));
    const { tables } = await measureStore(table.store);
    expect(tables).toMatchObject([
      {
        name: 't',
        data: usage(1, 200),
        earlier: usage(1, 10),
        orphans: usage(1, 3000),
        log: { fileCount: 2 },
      },
      { name: 'v', data: usage(0, 0), orphans: usage(1, 5) },
    ]);
  });

  test('executions with how they stand and how many images they took over', async () => {
    const runs = await beginFrozenRuns();
    const states = [
      await runs.freeze('r'),
      await runs.freeze('r', {}, '_CANCELLED'),
      await runs.freeze('r', {}, '_SUCCESS'),
    ];
    const [, , finished] = states;
    const success = { runId: finished?.runId, imageCount: 9, takenCount: 7, errorCount: 0, imageBytes: 1 };
    await runs.store.write(`runs/r/run_id=${finished?.runId}/_SUCCESS`, encodeStored(success));
    const found = new Map((await measureStore(runs.store)).runs.map((run) => [run.folder, run]));
    const described = states.map((execution) => found.get(folderOf(execution)));
    expect(described.map((run) => [run?.state, run?.takenCount])).toEqual([
      ['unfinished', 0],
      ['cancelled', 0],
      ['finished', 7],
    ]);
  });

  test('until it is stopped, and fails where the store does', async () => {
    const { store } = await DeltaTable.begin();
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(measureUsage({ store, software: 'test', signal })).rejects.toThrow('stopped');
    await store.write('tables/t/a.parquet', Buffer.from('x'));
    const failing = withFaults(store, {
      list(folder) {
        if (folder.includes('_delta_log')) throw new TypeError('broken');
        return store.list(folder);
      },
    });
    await expect(measureStore(failing)).rejects.toThrow('broken');
  });
});
