import { cp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type DropTableReport, openLakehouse } from '../../src/index.ts';
import { dropTable } from '../../src/maintenance/drop-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { commitChange } from '../support/commit-change.ts';
import { codeOf, filesIn, ingestIds, copyDailyRun } from '../support/daily-run.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { openFailingStore, withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { beginFrozenRuns, type FrozenRuns } from './frozen-runs.ts';

const spec = { table: 'images' };

describe('tables drop', () => {
  test('removes table and originals, and says which runs can no longer be retried', async () => {
    const { lake, folder } = await copyDailyRun();
    await rename(join(lake, 'originals/images/1.jpg'), join(lake, 'originals/images/1.away'));
    for (const [name, id] of [
      ['whole', 2],
      ['broken', 1],
    ])
      await pixlake(
        lake,
        'run',
        '--name',
        String(name),
        '--sql',
        `SELECT * FROM images WHERE id IN (${id}, 3)`,
      );
    const before = await filesIn(lake);
    const dry = await pixlakeJson<DropTableReport>(lake, 'tables', 'drop', 'images', '--dry-run');
    expect(await filesIn(lake)).toEqual(before);
    const report = await pixlakeJson<DropTableReport>(lake, 'tables', 'drop', 'images');
    expect(report).toEqual({ ...dry, isDryRun: false });
    expect(report).toMatchObject({ kept: [], notRetriable: ['broken'] });
    expect(report.removed.map(({ folder: place }) => place)).toEqual(['originals/images', 'tables/images']);
    expect(await readdir(join(lake, 'tables')).catch(() => [])).toEqual([]);
    expect(await filesIn(join(lake, 'originals'))).toEqual([]);
    expect((await pixlake(lake, 'tables', 'drop', 'images')).code).toBe(3);
    expect((await openLakehouse({ lake }).tables.verify('runs.daily', true)).problems).toEqual([]);
    // The name is free.
    await ingestIds(lake, join(folder, 'source'), [7]);
    expect((await openLakehouse({ lake }).tables.verify('images', true)).imageCount).toBe(1);
  });

  test('an ingest into a table whose drop was interrupted is refused with what to do', async () => {
    const { lake, folder } = await copyDailyRun();
    const store = openFailingStore(lake, 6);
    expect(await codeOf(dropTable({ store, software: 'test' }, spec))).toContain('killed');
    await expect(ingestIds(lake, join(folder, 'source'), [7])).rejects.toThrow(
      /TABLE_IN_USE[^]*pixlake tables drop images/u,
    );
    await openLakehouse({ lake }).tables.drop(spec);
    await ingestIds(lake, join(folder, 'source'), [7]);
    expect((await openLakehouse({ lake }).tables.verify('images', true)).imageCount).toBe(1);
  });

  test('a writer that read the table before it was dropped commits nothing', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    const store = openLocalStore(lake);
    const base = await readSnapshot(store, 'tables/images');
    if (base === undefined) throw new Error('there is no table');
    await lakehouse.tables.drop(spec);
    const { folder, schema, partitionColumns } = base;
    const files = { added: [], removed: [], reads: NONE, rowDelta: undefined };
    const what = { operation: 'WRITE', parameters: {}, metrics: {}, software: 'test' };
    const commit = commitChange(store, { folder, base, schema, partitionColumns, ...files, ...what });
    expect(await codeOf(commit)).toBe('TABLE_IN_USE');
    expect((await lakehouse.tables.list()).map(({ name }) => name)).toEqual(['runs.daily']);
    expect(await filesIn(join(lake, 'tables'))).toEqual([]);
  });

  test('originals that another table names in any version are kept, and said', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await cp(join(lake, 'tables/images'), join(lake, 'tables/other'), { recursive: true });
    await lakehouse.tables.delete({ table: 'other', where: 'id > 2' });
    await lakehouse.tables.delete({ table: 'images', where: 'id > 4' });
    const report = await lakehouse.tables.drop(spec);
    expect(report.kept).toMatchObject([
      { folder: 'originals/images', fileCount: 5, reason: 'table other refers to them' },
    ]);
    expect((await lakehouse.tables.verify('other', true)).problems).toEqual([]);
    await lakehouse.tables.restore('other', '2');
    expect(await lakehouse.tables.verify('other', true)).toMatchObject({ problems: [], imageCount: 5 });
  });

  test('a table that an unfinished run reads, or that is attached, is not dropped', async () => {
    const { lake, reports } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    await rm(join(lake, reports[1].folder, '_SUCCESS'));
    const { code, stderr } = await pixlake(lake, 'tables', 'drop', 'images');
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/unfinished runs[^]*: daily \[TABLE_IN_USE\]/u),
    ]);
    await writeFile(join(lake, reports[1].folder, '_CANCELLED'), '');
    expect(await codeOf(lakehouse.tables.drop(spec))).toBe('TABLE_IN_USE');
    await lakehouse.runs.delete({ name: 'daily' });
    await lakehouse.tables.attach('mirror', join(lake, 'tables/images'));
    expect(await codeOf(lakehouse.tables.drop(spec))).toBe('TABLE_IN_USE');
    const attached = await pixlake(lake, 'tables', 'drop', 'mirror');
    expect([attached.code, attached.stderr]).toEqual([4, expect.stringContaining('pixlake detach mirror')]);
    await lakehouse.tables.detach('mirror');
    await lakehouse.tables.drop(spec);
    expect(await filesIn(join(lake, 'tables'))).toEqual([]);
  });

  test('outputs of runs, unknown names and damaged tables', async () => {
    const { lake } = await copyDailyRun();
    const lakehouse = openLakehouse({ lake });
    expect(await codeOf(lakehouse.tables.drop({ table: 'runs.daily' }))).toBe('TABLE_READ_ONLY');
    expect(await codeOf(lakehouse.tables.drop({ table: 'none' }))).toBe('TABLE_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.drop({ table: 'IMAGES' }))).toBe('TABLE_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.drop({ table: '../runs' }))).toBe('TABLE_NAME_INVALID');
    await rm(join(lake, 'tables/images/_delta_log/00000000000000000000.json'));
    await lakehouse.tables.drop(spec);
    expect((await lakehouse.tables.list()).map(({ name }) => name)).toEqual(['runs.daily']);
  });
});

describe('a table', () => {
  const drop = (store: ObjectStore, table = 't', isDryRun?: boolean): Promise<DropTableReport> =>
    dropTable({ store, software: 'test' }, { table, ...(isDryRun === undefined ? {} : { isDryRun }) });

  /** A table of one file, with an original. */
  async function makeTable(): Promise<FrozenRuns> {
    const runs = await beginFrozenRuns();
    const table = await DeltaTable.begin(runs.store.uri);
    table.protocol().metadata({ id: 'long' });
    await table.addRows('a.parquet', 'SELECT 1::BIGINT AS id');
    await table.commit();
    await runs.store.write('originals/t/1.jpg', Buffer.from('123'));
    return runs;
  }

  test('goes with its originals, and a dry run tells the same', async () => {
    const { store } = await makeTable();
    const before = await keysOf(store);
    const dry = await drop(store, 't', true);
    expect(dry).toEqual({
      table: 't',
      isDryRun: true,
      removed: [
        { folder: 'originals/t', fileCount: 1, sizeBytes: 3 },
        { folder: 'tables/t', fileCount: 2, sizeBytes: expect.any(Number) },
      ],
      kept: [],
      notRetriable: [],
    });
    expect(await keysOf(store)).toEqual(before);
    expect(await drop(store)).toEqual({ ...dry, isDryRun: false });
    expect(await keysOf(store)).toEqual(['pixlake.json']);
  });

  test('is invisible from the first write on, and its marker goes last, after what was committed meanwhile', async () => {
    const { store } = await makeTable();
    const log: string[] = [];
    const watched = withFaults(store, {
      async write(key, bytes) {
        log.push(`write ${key}`);
        await store.write(key, bytes);
      },
      async deleteMany(keys) {
        await setImmediate();
        log.push(...keys.map((key) => `delete ${key}`));
        await store.deleteMany(keys);
        if (keys.some((key) => key.includes('originals')))
          await store.write('tables/t/_delta_log/00000000000000000001.json', Buffer.from('{}'));
      },
    });
    await drop(watched);
    expect(log[0]).toBe('write tables/t/_delta_log/_dropped');
    expect(log.slice(-2)).toEqual([
      'delete tables/t/_delta_log/00000000000000000001.json',
      'delete tables/t/_delta_log/_dropped',
    ]);
    expect(await keysOf(store)).toEqual(['pixlake.json']);
  });

  test('whose drop was interrupted is dropped whatever uses it, even if nothing but the marker is left', async () => {
    const runs = await makeTable();
    await runs.freeze('reader', { versions: { 'tables/t': '0' } });
    await runs.store.write('tables/t/_delta_log/_dropped', Buffer.alloc(0));
    await runs.store.delete('tables/t/_delta_log/00000000000000000000.json');
    expect(await drop(runs.store)).toMatchObject({ isDryRun: false, notRetriable: [] });
    expect(await keysOf(runs.store, 'tables')).toEqual([]);
  });

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>, string, string]>([
    [
      'unfinished runs read',
      async (runs) => {
        await runs.freeze('b', { versions: { 'tables/t': '0' } });
        await runs.freeze('a', { versions: { 'tables/t': '0' } }, '_CANCELLED');
      },
      'unfinished runs read table t: a, b',
      'finish them, or delete them: pixlake runs delete a',
    ],
    [
      'is attached under another name',
      (runs) => runs.attach('mirror', runs.store.locate('tables/t')),
      'table t is also attached as mirror',
      'detach it first: pixlake detach mirror',
    ],
    [
      'another one is a clone of',
      async (runs) => {
        const entry = (await runs.store.read('tables/t/_delta_log/00000000000000000000.json')).toString();
        const clone = entry
          .replaceAll('"a.parquet"', JSON.stringify(runs.store.locate('tables/t/a.parquet')))
          .replaceAll(/"actionsSha256":"\w+",?/gu, '');
        await runs.store.write('tables/clone/_delta_log/00000000000000000000.json', Buffer.from(clone));
      },
      'table clone refers to data files of table t',
      'drop or rewrite that table first',
    ],
  ])('that %s is not dropped', async (_, use, message, remedy) => {
    const runs = await makeTable();
    await use(runs);
    const before = await keysOf(runs.store);
    await expect(drop(runs.store)).rejects.toMatchObject({ code: 'TABLE_IN_USE', message, remedy });
    expect(await keysOf(runs.store)).toEqual(before);
  });

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>]>([
    ['a finished run has read it', (runs) => runs.freeze('r', { versions: { 'tables/t': '0' } }, '_SUCCESS')],
    ['a run reads one whose name begins so', (runs) => runs.freeze('r', { versions: { 'tables/t2': '0' } })],
    ['such a one is attached', (runs) => runs.attach('mirror', runs.store.locate('tables/t2'))],
    [
      'another table is damaged',
      (runs) => runs.store.write('tables/u/_delta_log/00000000000000000000.json', Buffer.from('torn')),
    ],
  ])('is dropped although %s', async (_, use) => {
    const runs = await makeTable();
    await use(runs);
    expect(await drop(runs.store)).toMatchObject({ notRetriable: [] });
    expect(await keysOf(runs.store, 'tables/t')).toEqual([]);
  });

  test('that a finished run with errors has read cannot be retried from', async () => {
    const runs = await makeTable();
    for (const [name, errorCount] of [
      ['z', 1],
      ['whole', 0],
      ['a', 2],
    ] as const) {
      const { runId } = await runs.freeze(name, { versions: { 'tables/t': '0' } }, '_SUCCESS');
      const counts = { runId, imageCount: 1, takenCount: 0, errorCount, imageBytes: 1 };
      await runs.store.write(`runs/${name}/run_id=${runId}/_SUCCESS`, encodeStored(counts));
    }
    expect(await drop(runs.store, 't', true)).toMatchObject({ notRetriable: ['a', 'z'] });
  });

  test.each([
    ['runs.r', 'TABLE_READ_ONLY', 'runs.r is the output of a run', 'delete the run: pixlake runs delete r'],
    [
      'mirror',
      'TABLE_READ_ONLY',
      'mirror is an attached table, whose files do not belong to the lake',
      'detach it: pixlake detach mirror',
    ],
    ['T', 'TABLE_NOT_FOUND', /^no table T exists in /u, 'a table with other upper and lower case exists: t'],
  ])('cannot be %s', async (table, code, message, remedy) => {
    const runs = await makeTable();
    await runs.attach('mirror', '/elsewhere');
    await expect(drop(runs.store, table)).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
      remedy,
    });
  });
});
