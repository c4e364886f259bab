import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type RunReport, type VacuumReport } from '../../src/index.ts';
import { type SweepRunsSpec, sweepRuns } from '../../src/maintenance/sweep-runs.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { DeltaTable, writeEntry, writeFileOf } from '../support/delta-table.ts';
import { keysOf } from '../support/keys-of.ts';
import { beginFrozenRuns, type FrozenRuns } from './frozen-runs.ts';
import { codeOf, filesIn, copyDailyRun } from '../support/daily-run.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

/** Makes all files of a lake older than any work in flight. */
async function age(lake: string): Promise<void> {
  const longAgo = Date.now() / 1000 - 30 * 60 * 60;
  for (const path of await filesIn(lake)) await utimes(path, longAgo, longAgo);
}

async function plant(lake: string, keys: readonly string[]): Promise<string[]> {
  for (const key of keys) {
    await mkdir(dirname(join(lake, key)), { recursive: true });
    await writeFile(join(lake, key), 'a stray');
  }
  return [...keys].sort();
}

const STRAYS = [
  'parts/00000-deadbeef.parquet',
  'errors/00000-deadbeef.parquet',
  'errors/block-00000-stray.parquet',
  'manifest/block-00000-stray.parquet',
  'plan/0123456789abcdef/part-00000.parquet',
  'images/00/00000/stray.jpg',
  'retries/9/plan/0123456789abcdef/part-00000.parquet',
];

describe('vacuum of runs', () => {
  test('removes what nothing names, and leaves unfinished executions and what others refer to', async () => {
    const { lake, reports } = await copyDailyRun();
    const [first, second, third] = reports;
    await rm(join(lake, second.folder, '_SUCCESS'));
    const before = await filesIn(lake);
    const dead = 'runs/daily/run_id=0000000000000000';
    const strays = await plant(lake, [
      ...[first, third].flatMap(({ folder }) => STRAYS.map((path) => `${folder}/${path}`)),
      `${dead}/images/00/00000/1.jpg`,
      `${dead}/plan/0123456789abcdef/part-00000.parquet`,
    ]);
    const left = await plant(
      lake,
      STRAYS.map((path) => `${second.folder}/${path}`),
    );
    await age(lake);
    left.push(...(await plant(lake, [`${third.folder}/images/00/00000/young.jpg`])));
    const dry = await pixlakeJson<VacuumReport>(lake, 'vacuum', '--runs', '--dry-run');
    expect(dry.removedKeys).toEqual(strays);
    const report = await pixlakeJson<VacuumReport>(lake, 'vacuum', 'runs.daily');
    expect(report).toMatchObject({ removedKeys: strays, removedBytes: 7 * strays.length });
    const expected = [...before, ...left.map((key) => join(lake, key))].sort();
    expect((await filesIn(lake)).filter((path) => !path.includes('/.tmp/'))).toEqual(expected);
    expect(await openLakehouse({ lake }).tables.verify('runs.daily', true)).toMatchObject({
      problems: [],
      imageCount: 5,
    });
  });

  test('what was kept of a deleted execution goes once nothing refers to it', async () => {
    const { lake, reports } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await lakehouse.runs.delete({ name: 'daily', isOlderOnly: true });
    await age(lake);
    expect((await lakehouse.runs.vacuum()).removedKeys).toEqual([]);
    await rm(join(lake, reports[2].folder), { recursive: true });
    expect((await lakehouse.runs.vacuum()).removedKeys).toHaveLength(4);
    expect(await filesIn(join(lake, 'runs'))).toEqual([]);
  });

  test('retries that have not finished are left alone, and finished ones are whole', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    const [original, away] = [join(lake, 'originals/images/1.jpg'), join(lake, 'originals/images/1.away')];
    await rename(original, away);
    const run = ['run', '--name', 'broken', '--sql', 'SELECT * FROM images'];
    const { folder } = await pixlakeJson<RunReport>(lake, ...run);
    await rename(away, original);
    await pixlakeJson(lake, 'runs', 'retry', 'broken');
    await age(lake);
    const success = join(lake, folder, 'retries/1/_SUCCESS');
    await rename(success, join(lake, 'success'));
    // As before the retry was committed.
    const log = join(lake, folder, 'manifest/_delta_log/00000000000000000001.json');
    await rename(log, join(lake, 'log'));
    expect(await lakehouse.runs.vacuum({ name: 'broken' })).toMatchObject({ removedKeys: [] });
    await rename(join(lake, 'log'), log);
    await rename(join(lake, 'success'), success);
    expect(await lakehouse.runs.vacuum({ name: 'broken' })).toMatchObject({ removedKeys: [] });
    expect(await lakehouse.tables.verify('runs.broken', true)).toMatchObject({ problems: [], imageCount: 5 });
    expect((await lakehouse.tables.verify('errors.broken', true)).problems).toEqual([]);
  });

  test('takes a table, a run or all runs', async () => {
    const { lake } = await copyDailyRun();
    expect((await pixlake(lake, 'vacuum')).code).toBe(2);
    expect((await pixlake(lake, 'vacuum', 'images', '--runs')).code).toBe(2);
    expect((await pixlake(lake, 'vacuum', 'runs.none')).stderr).toContain('RUN_NOT_FOUND');
    expect((await pixlake(lake, 'vacuum', 'runs.daily')).stdout).toBe('removed 0 files (0 B)\n');
    expect(await codeOf(openLakehouse({ lake }).runs.vacuum({ retainMs: -1 }))).toBe('ARGUMENT_INVALID');
  });
});

describe('of executions that are frozen', () => {
  const HOUR = 3_600_000;
  const sweep = ({ store }: FrozenRuns, spec: SweepRunsSpec = {}): Promise<VacuumReport> =>
    sweepRuns({ store, software: 'test' }, spec);

  /** Writes files of three bytes that are so many hours old, and gives their keys. */
  async function put(
    { store }: FrozenRuns,
    folder: string,
    paths: readonly string[],
    hours = 30,
  ): Promise<string[]> {
    const seconds = (Date.now() - hours * HOUR) / 1000;
    const keys = paths.map((path) => `${folder}/${path}`);
    for (const key of keys) {
      await store.write(key, Buffer.from('123'));
      await utimes(join(store.uri, key), seconds, seconds);
    }
    return keys.sort();
  }

  const PLAN = {
    sha256: 'ab'.repeat(32),
    volatileBecause: [],
    partRowCount: 1,
    parts: [{ rowCount: 1, sizeBytes: 3, sha256: 'cd'.repeat(32) }],
  };
  const NAMED = [
    'plan/abababababababab/part-00000.parquet',
    'parts/00000-named.parquet',
    'errors/00000-named.parquet',
  ];
  const OTHERS = [
    'shards/00000/note',
    'blocks/00000.json',
    'manifest/_delta_log/x',
    'retries/1/blocks/x',
    'plans/x',
    'x',
  ];

  /** The marker of the only shard, which names a part and errors. */
  async function mark({ store }: FrozenRuns, folder: string): Promise<void> {
    const files = (name: string): object => ({ name, sizeBytes: 3, sha256: 'ef'.repeat(32) });
    const counts = { shard: 0, imageCount: 1, takenCount: 0, errorCount: 1, imageBytes: 1 };
    const named = { part: files('00000-named.parquet'), errors: files('00000-named.parquet') };
    await store.write(executionKeys.shard(folder, 0), encodeStored({ ...counts, ...named }));
  }

  test('files go that are named by nothing, and are of a kind that something should name', async () => {
    const runs = await beginFrozenRuns();
    const folder = folderOf(await runs.freeze('r', { plan: PLAN }, '_SUCCESS'));
    await mark(runs, folder);
    await put(runs, folder, [...NAMED, ...OTHERS]);
    const strays = await put(runs, folder, STRAYS);
    await put(runs, folder, ['images/young.jpg'], 23);
    const before = await keysOf(runs.store);
    const report = { table: 'runs.r', removedKeys: strays, removedBytes: 3 * strays.length };
    expect(await sweep(runs, { name: 'r', isDryRun: true })).toEqual({
      ...report,
      isDryRun: true,
      removedLogKeys: [],
      sweptCount: 0,
    });
    expect(await keysOf(runs.store)).toEqual(before);
    expect(await sweep(runs)).toMatchObject({ ...report, table: 'runs', isDryRun: false });
    const left = (await keysOf(runs.store, folder)).map((key) => key.slice(folder.length + 1));
    const kept = ['_SUCCESS', 'spec.json', 'images/young.jpg', 'shards/00000/00000.json'];
    expect(left).toEqual([...NAMED, ...OTHERS, ...kept].sort());
  });

  test.each([
    [undefined, 1],
    [0, 1],
    [29 * HOUR, 1],
    [31 * HOUR, 0],
  ])('files are kept as long as is asked for, and a day at least: %s ms', async (retainMs, count) => {
    const runs = await beginFrozenRuns();
    const folder = folderOf(await runs.freeze('r', {}, '_SUCCESS'));
    await put(runs, folder, ['images/1.jpg']);
    expect((await sweep(runs, { retainMs })).removedKeys).toHaveLength(count);
  });

  test('those of unfinished, cancelled and damaged ones, and of other runs, are left alone', async () => {
    const runs = await beginFrozenRuns();
    const [going, stopped, other] = [
      await runs.freeze('r'),
      await runs.freeze('r', {}, '_CANCELLED'),
      await runs.freeze('s', {}, '_SUCCESS'),
    ].map(folderOf);
    const damaged = 'runs/r/run_id=0123456789abcdef';
    await runs.store.write(`${damaged}/spec.json`, Buffer.from('torn'));
    for (const folder of [going, stopped, other, damaged]) await put(runs, String(folder), ['images/1.jpg']);
    expect((await sweep(runs, { name: 'r' })).removedKeys).toEqual([]);
    expect((await sweep(runs)).removedKeys).toEqual([`${other}/images/1.jpg`]);
  });

  test('all files of a folder go that has no specification', async () => {
    const runs = await beginFrozenRuns();
    const left = await put(runs, 'runs/r/run_id=0123456789abcdef', [
      '_SUCCESS',
      'images/1.jpg',
      'shards/00000/0',
    ]);
    expect((await sweep(runs)).removedKeys).toEqual(left);
    expect(await keysOf(runs.store)).toEqual([]);
  });

  test('those of a retry are as those of its execution, unless it has not finished', async () => {
    const runs = await beginFrozenRuns();
    const execution = await runs.freeze('r', {}, '_SUCCESS');
    const folder = folderOf(execution);
    const unfinished = executionKeys.retry(folder, 2);
    for (const number of [1, 2]) {
      const retry = { ...execution, plan: PLAN, retry: { number } };
      await writeExecution(runs.store, retry);
      await mark(runs, executionKeys.retry(folder, number));
      if (number === 2) continue;
      const success = await runs.store.read(executionKeys.success(folder));
      await runs.store.write(executionKeys.success(executionKeys.retry(folder, number)), success);
    }
    const strays = [
      ...(await put(
        runs,
        `${folder}/retries/1`,
        STRAYS.filter((path) => !path.startsWith('retries')),
      )),
      ...(await put(runs, folder, [
        'manifest/retry-1-x.parquet',
        'manifest/retry-22-x.parquet',
        'errors/retry-1-x.parquet',
      ])),
    ];
    await put(runs, `${folder}/retries/1`, NAMED);
    await put(
      runs,
      unfinished,
      STRAYS.filter((path) => !path.startsWith('retries')),
    );
    await put(runs, folder, ['manifest/retry-2-x.parquet', 'errors/retry-2-x.parquet']);
    expect((await sweep(runs)).removedKeys).toEqual(strays.sort());
  });

  test('images that rows of a table name are kept, and data files of a manifest in any version', async () => {
    const runs = await beginFrozenRuns();
    const folder = folderOf(await runs.freeze('r', {}, '_SUCCESS'));
    const [named = ''] = await put(runs, folder, ['images/1.jpg']);
    const table = await DeltaTable.begin(runs.store.uri);
    table.protocol().metadata({ image_key: 'string' });
    await table.addRows('a.parquet', `SELECT '${named}' AS image_key`);
    await table.commit();
    const manifest = join(runs.store.uri, folder, 'manifest');
    const seconds = (Date.now() - 30 * HOUR) / 1000;
    for (const name of ['now.parquet', 'before.parquet', 'never.parquet']) {
      await writeFileOf(manifest, name, 'SELECT 1 AS id');
      await utimes(join(manifest, name), seconds, seconds);
    }
    const metaData = { id: 'x', schemaString: '{"type":"struct","fields":[]}' };
    const add = (path: string): object => ({ add: { path, size: 3, partitionValues: {} } });
    const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
    await writeEntry(manifest, 0, [{ protocol }, { metaData }, add('before.parquet')]);
    await writeEntry(manifest, 1, [{ remove: { path: 'before.parquet' } }, add('now.parquet')]);
    const strays = await put(runs, folder, ['images/2.jpg']);
    expect((await sweep(runs)).removedKeys).toEqual([...strays, `${folder}/manifest/never.parquet`]);
    expect(await runs.store.stat(named)).toBeDefined();
  });

  test('what is asked for has to be there, and to be a time', async () => {
    const runs = await beginFrozenRuns();
    await runs.freeze('r');
    await expect(sweep(runs, { name: 'none' })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    for (const retainMs of [-1, Number.NaN])
      await expect(sweep(runs, { retainMs })).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: `cannot retain ${retainMs} ms`,
      });
  });
});
