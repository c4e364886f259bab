import { cp, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Lakehouse, openLakehouse, PixlakeError } from '../../src/index.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { checkpointKey } from '../../src/table/log-listing.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';
import { makeRandom } from '../support/run-in-process.ts';

interface Opened {
  readonly lakehouse: Lakehouse;
  readonly lake: string;
  readonly folder: string;
  readonly table: string;
}

let template: string;

/** A folder with a lake whose table `images` has ten rows in two partitions, made by five ingests. */
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  const lakehouse = openLakehouse({ lake: join(template, 'lake') });
  for (let batch = 0; batch < 5; batch++) {
    const ids = [batch * 2 + 1, batch * 2 + 2];
    const images = await Promise.all(ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
    const source = await writeCatalogue(
      join(template, `source${batch}`),
      ids.map((id) => csvLine({ id, gender: id % 2 ? 'Men' : 'Women', year: 2000 + id })),
      Object.fromEntries(images),
    );
    await lakehouse.ingest({ source, partitionBy: ['gender'] });
  }
  return () => rm(template, { recursive: true });
});

/** A lake of the test's own. */
async function open(): Promise<Opened> {
  const folder = await makeTestFolder();
  await cp(template, folder, { recursive: true, preserveTimestamps: true });
  const lake = join(folder, 'lake');
  const lakehouse = openLakehouse({ lake });
  return { lakehouse, lake, folder, table: join(lake, 'tables/images') };
}

const ALL = 'SELECT * FROM images ORDER BY id';

async function dataFiles(table: string): Promise<string[]> {
  const names = await readdir(table, { recursive: true });
  return names.filter((name) => name.endsWith('.parquet') && !name.startsWith('_')).sort();
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof PixlakeError ? error.code : String(error)),
  );
}

describe('delete', () => {
  test('takes out the rows that match, and only those, null or not', async () => {
    const { lakehouse } = await open();
    const report = await lakehouse.tables.delete({
      table: 'images',
      where: 'id > 3 AND (year > 2008 OR NULL)',
    });
    expect(report).toMatchObject({ isCommitted: true, version: 5, deletedCount: 2, addedFileCount: 0 });
    expect(await rowsOf(lakehouse, 'SELECT count(*), max(id)::BIGINT FROM images')).toEqual([[8, 8]]);
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images@v4')).toEqual([[10]]);
    await expect(lakehouse.tables.verify('images')).resolves.toMatchObject({ problems: [], rowCount: 8 });
  });

  test('writes the other rows of a file anew', async () => {
    const { lakehouse, table } = await open();
    await lakehouse.tables.optimize({ table: 'images' });
    const before = await rowsOf(lakehouse, 'SELECT * FROM images WHERE id <> 3 ORDER BY id');
    expect(await lakehouse.tables.delete({ table: 'images', where: 'id = 3' })).toMatchObject({
      deletedCount: 1,
      copiedCount: 4,
      removedFileCount: 1,
      addedFileCount: 1,
    });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    expect((await dataFiles(table)).length).toBeGreaterThan(2);
  });

  test('of nothing, or as a dry run, changes nothing', async () => {
    const { lakehouse } = await open();
    expect(await lakehouse.tables.delete({ table: 'images', where: 'false' })).toMatchObject({
      isCommitted: false,
      version: 4,
    });
    expect(await lakehouse.tables.delete({ table: 'images', where: 'true', isDryRun: true })).toMatchObject({
      isCommitted: false,
      deletedCount: 10,
    });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[10]]);
  });

  test('may ask other tables and older versions', async () => {
    const { lakehouse } = await open();
    await lakehouse.tables.delete({ table: 'images', where: 'id NOT IN (SELECT id FROM images@v1)' });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[4]]);
    await lakehouse.tables.delete({ table: 'images', where: 'true' });
    expect(await rowsOf(lakehouse, 'SELECT count(*) FROM images')).toEqual([[0]]);
    expect((await rowsOf(lakehouse, 'SELECT * FROM images@v0')).length).toBe(2);
  });

  test.each([
    ['true) OR (false', undefined],
    ['id = 1; DROP TABLE images', 'SQL_SYNTAX'],
    ['no_such_column = 1', 'SQL_FAILED'],
    ['', 'SQL_SYNTAX'],
    [`id = 1 -- ' comment`, undefined],
  ])('with the condition %j never both deletes and keeps a row', async (where, code) => {
    const { lakehouse } = await open();
    expect(await codeOf(lakehouse.tables.delete({ table: 'images', where }))).toBe(code);
    const [[count, distinct]] = (await rowsOf(
      lakehouse,
      'SELECT count(*), count(DISTINCT id) FROM images',
    )) as [[bigint, bigint]];
    expect(count).toBe(distinct);
  });

  test('is for the tables of the lake only', async () => {
    const { lakehouse, folder, table } = await open();
    await lakehouse.tables.attach('mirror', table);
    expect(await codeOf(lakehouse.tables.delete({ table: 'mirror', where: 'true' }))).toBe('TABLE_READ_ONLY');
    expect(await codeOf(lakehouse.tables.delete({ table: 'none', where: 'true' }))).toBe('TABLE_NOT_FOUND');
    const source = join(folder, 'source0');
    expect(await codeOf(lakehouse.ingest({ source, table: 'mirror' }))).toBe('TABLE_READ_ONLY');
  });
});

describe('optimize', () => {
  test('leaves one file a partition and the rows as they were, and a second time nothing', async () => {
    const { lakehouse } = await open();
    const before = await rowsOf(lakehouse, ALL);
    const report = await lakehouse.tables.optimize({ table: 'images' });
    expect(report).toMatchObject({
      isCommitted: true,
      version: 5,
      removedFileCount: 10,
      addedFileCount: 2,
    });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    expect(await rowsOf(lakehouse, `SELECT count(*) FROM images WHERE gender = 'Men'`)).toEqual([[5]]);
    expect(await lakehouse.tables.optimize({ table: 'images' })).toMatchObject({
      isCommitted: false,
      version: 5,
    });
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
  });

  test('sorts anew when asked, by columns that are there', async () => {
    const { lakehouse } = await open();
    const before = await rowsOf(lakehouse, ALL);
    await lakehouse.tables.optimize({ table: 'images', sortBy: ['image_sha256'], targetBytes: 1 << 20 });
    expect(await rowsOf(lakehouse, ALL)).toEqual(before);
    const hashes = await rowsOf(lakehouse, `SELECT image_sha256 FROM images WHERE gender = 'Men'`);
    const sorted = await rowsOf(
      lakehouse,
      `SELECT image_sha256 FROM images WHERE gender = 'Men' ORDER BY ALL`,
    );
    expect(hashes).toEqual(sorted);
    const unknown = lakehouse.tables.optimize({ table: 'images', sortBy: ['nope'] });
    expect(await codeOf(unknown)).toBe('ARGUMENT_INVALID');
  });

  test('goes on top of an append that came first, and is redone after a delete', async () => {
    const { lakehouse } = await open();
    const [optimized, deleted] = await Promise.all([
      lakehouse.tables.optimize({ table: 'images' }),
      lakehouse.tables.delete({ table: 'images', where: 'id <= 4' }),
    ]);
    expect([optimized.isCommitted, deleted.deletedCount]).toEqual([true, 4]);
    expect(await rowsOf(lakehouse, 'SELECT count(*), count(DISTINCT id) FROM images')).toEqual([[6, 6]]);
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
  });
});

describe('vacuum', () => {
  test('removes what no version within the retention needs, and nothing else', async () => {
    const { lakehouse, table } = await open();
    await lakehouse.tables.optimize({ table: 'images' });
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toMatchObject({ removedKeys: [] });
    const dry = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0, isDryRun: true });
    expect(dry.removedKeys).toHaveLength(10);
    expect(await dataFiles(table)).toHaveLength(12);
    const report = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0 });
    expect(report.removedKeys).toEqual(dry.removedKeys);
    expect(await dataFiles(table)).toHaveLength(2);
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
    expect(await codeOf(rowsOf(lakehouse, 'SELECT * FROM images@v4'))).toBe('OBJECT_NOT_FOUND');
    expect(await codeOf(lakehouse.tables.restore('images', '4'))).toBe('OBJECT_NOT_FOUND');
  });

  test('keeps young files that no commit knows, and removes old ones', async () => {
    const { lakehouse, table } = await open();
    const [young, old] = [join(table, 'part-young.parquet'), join(table, 'gender=Men', 'part-old.parquet')];
    await writeFile(young, 'a commit is about to name it');
    await writeFile(old, 'a process died');
    await writeFile(join(table, '_notes'), 'hidden');
    const longAgo = Date.now() / 1000 - 30 * 60 * 60;
    await utimes(old, longAgo, longAgo);
    await utimes(join(table, '_notes'), longAgo, longAgo);
    const kept = await lakehouse.tables.vacuum({ table: 'images', retainMs: 48 * 60 * 60 * 1000 });
    expect(kept.removedKeys).toEqual([]);
    const report = await lakehouse.tables.vacuum({ table: 'images', retainMs: 0 });
    expect(report.removedKeys).toEqual(['tables/images/gender=Men/part-old.parquet']);
    expect(await readdir(table)).toEqual(expect.arrayContaining(['part-young.parquet', '_notes']));
    expect((await rowsOf(lakehouse, ALL)).length).toBe(10);
  });

  test('keeps the files of versions that were current within the retention', async () => {
    const { lakehouse } = await open();
    await lakehouse.tables.delete({ table: 'images', where: 'id <= 2' });
    await lakehouse.tables.restore('images', '4');
    await lakehouse.tables.optimize({ table: 'images' });
    await lakehouse.tables.vacuum({ table: 'images', retainMs: 60_000 });
    for (const version of [0, 4, 5, 6, 7]) {
      expect(await codeOf(rowsOf(lakehouse, `SELECT * FROM images@v${version}`))).toBeUndefined();
    }
  });

  test('sweeps what dead processes left, but not what a live one works with', async () => {
    const { lakehouse, lake } = await open();
    const [dead, live] = [join(lake, '.tmp/dead'), join(lake, '.tmp/live')];
    await writeFile(dead, '');
    await writeFile(live, '');
    const longAgo = Date.now() / 1000 - 30 * 60 * 60;
    await utimes(dead, longAgo, longAgo);
    expect(await lakehouse.tables.vacuum({ table: 'images' })).toMatchObject({ sweptCount: 1 });
    expect(await readdir(join(lake, '.tmp'))).toEqual(['live']);
  });
});

describe('restore', () => {
  test('brings rows and columns of a version back, and can be undone', async () => {
    const { lakehouse, folder } = await open();
    const before = await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id');
    const source = join(folder, 'source0', 'more.csv');
    await writeFile(source, 'id,gender,year,note\n1,Men,1999,new\n');
    await lakehouse.ingest({ source, images: join(folder, 'source0', 'images') });
    expect(await rowsOf(lakehouse, 'SELECT note, year FROM images WHERE id = 1')).toEqual([['new', 1999]]);
    expect(await lakehouse.tables.restore('images', '4')).toMatchObject({
      isCommitted: true,
      restoredVersion: 4,
      version: 6,
    });
    expect(await rowsOf(lakehouse, 'SELECT * FROM images ORDER BY id')).toEqual(before);
    expect(await lakehouse.tables.restore('images', 'v4')).toMatchObject({ isCommitted: false, version: 6 });
    await lakehouse.tables.restore('images', '5');
    expect(await rowsOf(lakehouse, 'SELECT note FROM images WHERE id = 1')).toEqual([['new']]);
    expect(await codeOf(lakehouse.tables.restore('images', '99'))).toBe('SNAPSHOT_NOT_FOUND');
    const history = await lakehouse.tables.history('images', 2);
    expect(history.map(({ operation }) => operation)).toEqual(['RESTORE', 'RESTORE']);
  });
});

describe('verify', () => {
  test('finds data files that are missing, cut off or not as counted', async () => {
    const { lakehouse, table } = await open();
    const [first, second] = await dataFiles(table);
    await rm(join(table, first ?? ''));
    await truncate(join(table, second ?? ''), 100);
    const { problems } = await lakehouse.tables.verify('images');
    expect(problems).toHaveLength(2);
    expect(Object.fromEntries(problems.map(({ key, problem }) => [key, problem]))).toEqual({
      [`tables/images/${first}`]: 'is missing',
      [`tables/images/${second}`]: expect.stringMatching(/^has 100 bytes, not \d+$/u),
    });
  });

  test('finds a file that has not the rows that the log counts', async () => {
    const { lakehouse, table } = await open();
    const log = join(table, '_delta_log/00000000000000000000.json');
    const entry = (await readFile(log, 'utf8')).replaceAll('\\"numRecords\\":1', '\\"numRecords\\":2');
    await writeFile(log, entry);
    await expect(lakehouse.tables.verify('images')).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    // As another writer would have put it.
    await writeFile(log, entry.replace(/,"actionsSha256":"\w+"/u, ''));
    const { problems } = await lakehouse.tables.verify('images');
    expect(problems).toHaveLength(2);
    expect(problems[0]?.problem).toBe('has 1 rows, not 2');
  });

  test('deeply, finds a flipped bit anywhere in a data file or a checkpoint', async () => {
    const { lakehouse, lake } = await open();
    const store = openLocalStore(lake);
    const snapshot = await readSnapshot(store, 'tables/images');
    if (snapshot === undefined) throw new Error('no table');
    await writeCheckpoint(store, snapshot);
    expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
    const keys = [snapshot.files[0]?.key ?? '', checkpointKey('tables/images', snapshot.version)];
    const random = makeRandom(5);
    for (const key of keys) {
      const path = join(lake, key);
      const whole = await readFile(path);
      for (let round = 0; round < 8; round++) {
        const bytes = Buffer.from(whole);
        const place = Math.floor(random() * bytes.length);
        bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
        await writeFile(path, bytes);
        const { problems } = await lakehouse.tables.verify('images', true);
        expect(
          problems.map((problem) => problem.key),
          `byte ${place}`,
        ).toContain(key);
      }
      await writeFile(path, whole);
    }
  });

  test('deeply, finds originals that are missing or changed', async () => {
    const { lakehouse, lake } = await open();
    expect(await lakehouse.tables.verify('images', true)).toMatchObject({ problems: [], imageCount: 10 });
    await rm(join(lake, 'originals/images/3.jpg'));
    await writeFile(join(lake, 'originals/images/4.jpg'), 'other bytes');
    expect((await lakehouse.tables.verify('images')).problems).toEqual([]);
    const { problems } = await lakehouse.tables.verify('images', true);
    expect(problems.map(({ key }) => key).sort()).toEqual([
      'originals/images/3.jpg',
      'originals/images/4.jpg',
    ]);
  });
});
