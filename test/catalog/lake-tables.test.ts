import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTable, listTableNames } from '../../src/catalog/find-table.ts';
import { createViews } from '../../src/catalog/lake-tables.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseSelect } from '../../src/sql/parse-select.ts';
import { writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import { messageOf, PixlakeError } from '../../src/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { commitChange } from '../support/commit-change.ts';
import { writeRunFolder } from '../support/run-folder.ts';
import { sqlNameOf } from '../../src/sql/table-reference.ts';
import { queryLake } from '../../src/catalog/query-lake.ts';
import { logKey } from '../../src/table/log-listing.ts';
import { wrapStore } from '../support/run-in-process.ts';

const SCHEMA: DeltaStruct = { type: 'struct', fields: [deltaField('id', 'long')] };

let root: string;
let store: ObjectStore;
let emptyStore: ObjectStore;
let db: DuckDb;
let scratchDir: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  store = openStore(join(root, 'lake'));
  emptyStore = openStore(join(root, 'empty'));
  scratchDir = await mkdtemp(join(root, 'scratch-'));
  db = await openDuckDb({ scratchDir, threads: 1 });
  await append('tables/images', 1);
  await append('tables/men-shoes.v2', 2);
  await append('runs/crops/run_id=aaaa/manifest', 10);
  await append('runs/crops/run_id=bbbb/manifest', 20);
  await append('runs/crops/run_id=cccc/manifest', 30);
  await append('runs/started/run_id=dddd/manifest', 40);
  // Of those that finished the first one was planned last, whatever the times of files say.
  for (const [id, plannedMs, isFinished] of [
    ['aaaa', 2000, true],
    ['bbbb', 1000, true],
    ['cccc', 3000, false],
  ] as const)
    await writeRunFolder(store, `runs/crops/run_id=${id}`, { plannedMs, isFinished });
  await utimes(store.locate('runs/crops/run_id=aaaa/_SUCCESS'), 1, 1);
  await writeFile(join(root, 'secret.csv'), 'word\nsecret\n');
  await writeFile(join(root, 'lake', 'tables', 'stray.csv'), 'word\nsecret\n');
  await mkdir(join(root, 'lake', 'tables', 'no-log'));
});

afterAll(async () => {
  db[Symbol.dispose]();
  await rm(root, { recursive: true, force: true });
});

/** Adds a data file with one row to a table, or makes the table. */
async function append(folder: string, id: number): Promise<void> {
  const added = await writeDataFiles(db, store, {
    query: `SELECT ${id}::BIGINT AS id`,
    schema: SCHEMA,
    partitionColumns: [],
    folder,
    scratchDir,
  });
  await commitChange(store, {
    folder,
    base: await readSnapshot(store, folder),
    schema: SCHEMA,
    partitionColumns: [],
    added,
    removed: [],
    reads: NONE,
    operation: 'TEST',
    parameters: {},
    metrics: {},
    software: 'test',
  });
}

interface Answer {
  readonly rows: unknown[];
  readonly read: string[];
}

async function ask(sql: string, lake = store): Promise<Answer> {
  const parsed = await parseSelect(db, sql);
  const queried = await createViews(db, lake, parsed);
  const read = queried.map(({ reference, snapshot }) => `${sqlNameOf(reference)}@${snapshot.version}`);
  return { rows: await db.rows(parsed.sql), read };
}

async function refusal(sql: string, lake = store): Promise<PixlakeError> {
  try {
    await ask(sql, lake);
  } catch (error) {
    if (error instanceof PixlakeError) return error;
    throw error;
  }
  throw new Error(`${sql} was answered`);
}

describe('a query reads', () => {
  it('the tables it names and tells their versions', async () => {
    expect(await ask('SELECT s.id FROM images i JOIN "men-shoes.v2" s ON s.id = i.id + 1')).toEqual({
      rows: [{ id: 2n }],
      read: ['images@0', '"men-shoes.v2"@0'],
    });
  });

  it('tables of the schema main, which are those of the lake, but no list of tables of DuckDB', async () => {
    expect(await ask('SELECT main.images.id FROM main.images')).toEqual(await ask('FROM images'));
    expect(await refusal('FROM main.absent')).toMatchObject({ code: 'TABLE_NOT_FOUND' });
    for (const name of ['tables', 'Columns', 'views'])
      expect(await refusal(`FROM information_schema.${name}`)).toMatchObject({
        code: 'TABLE_NOT_FOUND',
        remedy: expect.stringContaining('`pixlake tables`'),
      });
  });

  it('the newest snapshot', async () => {
    await append('tables/growing', 1);
    expect(await ask('SELECT count(*) AS n FROM growing')).toEqual({
      rows: [{ n: 1n }],
      read: ['growing@0'],
    });
    await append('tables/growing', 2);
    expect(await ask('SELECT count(*) AS n FROM growing')).toEqual({
      rows: [{ n: 2n }],
      read: ['growing@1'],
    });
    await rm(store.locate('tables/growing'), { recursive: true });
  });

  it('of a run the execution that was planned last among those that finished', async () => {
    expect(await ask('FROM runs.crops')).toEqual({ rows: [{ id: 10n }], read: ['runs.crops@0'] });
    const snapshot = (await findTable(store, { schema: 'runs', name: 'crops' }))?.snapshot;
    expect(snapshot?.folder).toBe('runs/crops/run_id=aaaa/manifest');
  });

  it('a table behind a WITH of the same name', async () => {
    const sql = 'WITH images AS (SELECT id + 100 AS id FROM images) FROM images';
    expect((await ask(sql)).rows).toEqual([{ id: 101n }]);
  });

  it('parts of its own, whatever their names', async () => {
    const long = `a${'b'.repeat(80)}`;
    for (const name of ['x', 'with space', 'a/b', '../up', 'a..b', long, 'été']) {
      const sql = `WITH "${name}" AS (SELECT 7 AS n) FROM "${name}"`;
      expect(await ask(sql), name).toEqual({ rows: [{ n: 7 }], read: [] });
    }
  });

  it('one table named twice only once', async () => {
    const { read } = await ask('SELECT a.id FROM images a, images b WHERE a.id IN (SELECT id FROM images)');
    expect(read).toEqual(['images@0']);
  });

  it('what DuckDB says of itself', async () => {
    const { rows } = await ask(`SELECT count(*) > 0 AS is_some FROM information_schema.schemata`);
    expect(rows).toEqual([{ is_some: true }]);
  });
});

describe('a table that does not exist', () => {
  it('is answered with those that do', async () => {
    const error = await refusal('FROM image');
    expect(error).toMatchObject({ code: 'TABLE_NOT_FOUND', status: 404 });
    expect(error.message).toContain('no table image exists in');
    expect(error.remedy).toContain('images, "men-shoes.v2"');
    expect(error.remedy).toContain('runs.crops');
  });

  it('in an empty lake is answered with how to fill one', async () => {
    const error = await refusal('FROM images', emptyStore);
    expect(error).toMatchObject({
      code: 'TABLE_NOT_FOUND',
      remedy: expect.stringContaining('pixlake ingest'),
    });
  });

  it.each(['runs.nothing', 'runs.started', 'runs."../tables/images"', 'runs.images'])(
    'may be a run: %s',
    async (name) => {
      expect(await refusal(`FROM ${name}`)).toMatchObject({ code: 'TABLE_NOT_FOUND' });
    },
  );

  it.each([
    '/etc/passwd',
    '/etc/passwd*',
    'x.csv',
    'secret.csv',
    '../secret.csv',
    '../../secret.csv',
    'stray.csv',
    'no-log',
    'images/_delta_log',
    './images',
    '..',
    '.',
    'a..b',
    '*',
    '**/*.parquet',
    'file:///etc/passwd',
    'https://example.com/x.parquet',
    's3://bucket/x.parquet',
    'C:\\x.csv',
    'x'.repeat(300),
    ' ',
  ])('is not looked for elsewhere: %j', async (name) => {
    for (const sql of [`FROM '${name}'`, `FROM "${name}"`, `SELECT (SELECT count(*) FROM "${name}")`]) {
      expect(await refusal(sql), sql).toMatchObject({ code: 'TABLE_NOT_FOUND' });
    }
  });

  it('is not looked for beside the program, though a file of that name and kind is there', async () => {
    const path = join(root, 'secret.csv');
    expect(await refusal(`FROM '${path}'`)).toMatchObject({ code: 'TABLE_NOT_FOUND' });
    const error = await refusal(`FROM "${path}" JOIN images ON true`);
    expect(error).toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect(messageOf(error)).not.toContain('word');
  });
});

describe('names of tables', () => {
  it('are those of the lake, of runs with their schema', async () => {
    const names = (await listTableNames(store)).map(sqlNameOf);
    expect(names).toEqual(['images', '"men-shoes.v2"', '"no-log"', 'runs.crops', 'runs.started']);
    expect(await listTableNames(emptyStore)).toEqual([]);
  });

  it.each([
    [{ schema: '', name: 'images' }, 'images'],
    [{ schema: '', name: '2024' }, '"2024"'],
    [{ schema: 'runs', name: 'men-shoes' }, 'runs."men-shoes"'],
    [{ schema: '', name: 'a"b' }, '"a""b"'],
  ])('are quoted where SQL needs it: %j', (reference, sql) => {
    expect(sqlNameOf(reference)).toBe(sql);
  });

  it('may be words of SQL', async () => {
    await append('tables/order', 5);
    expect((await ask(`FROM ${sqlNameOf({ schema: '', name: 'order' })}`)).rows).toEqual([{ id: 5n }]);
    await rm(store.locate('tables/order'), { recursive: true });
  });

  it('can be read again by SQL, even where they are keywords', async () => {
    const words = await db.rows<{ word: string }>(
      "SELECT keyword_name AS word FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'",
    );
    expect(words.length).toBeGreaterThan(100);
    for (const { word } of words) {
      for (const reference of [
        { schema: '', name: word },
        { schema: '', name: word.toUpperCase() },
        { schema: 'runs', name: word },
      ]) {
        const { tables } = await parseSelect(db, `FROM ${sqlNameOf(reference)}`);
        expect(tables.map((table) => table.reference)).toEqual([reference]);
      }
    }
  });
});

it('a query asks the store for the lake, the log and its entries, and for nothing else', async () => {
  for (let version = 1; version < 5; version++) await append('tables/versions', version);
  const calls: string[] = [];
  const note =
    (method: 'read' | 'stat' | 'list' | 'listFolders') =>
    (key: string): never => {
      calls.push(`${method} ${key}`);
      return (store[method] as (key: string) => never)(key);
    };
  const watched = wrapStore(store, {
    read: note('read'),
    stat: note('stat'),
    list: note('list'),
    listFolders: note('listFolders'),
  });
  await using query = await queryLake(watched, 'SELECT count(*) FROM versions');
  const rows: unknown[] = [];
  for await (const batch of query.batches) rows.push(...batch.getRows());
  expect(rows).toEqual([[4n]]);
  expect(calls).toEqual([
    'list tables/versions/_delta_log',
    ...[0, 1, 2, 3].map((version) => `read ${logKey('tables/versions', version)}`),
  ]);
});
