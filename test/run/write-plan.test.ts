import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { openSelection, type Selection } from '../../src/run/select-rows.ts';
import { cutPlan } from '../../src/run/shard-size.ts';
import type { EarlierImages } from '../../src/run/take-over.ts';
import { hashPlan, meanOriginalBytes, orderRows, writePlanFiles } from '../../src/run/write-plan.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { hashFile } from '../../src/storage/hash-file.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { openTestDb, queryRows, useLake, writeParquet } from '../support/run-in-process.ts';

const lake = useLake(6);

/** Opens a DuckDB for the rest of the test. */
async function openDb(threads = 1): Promise<DuckDb> {
  const db = await openTestDb(threads);
  onTestFinished(() => db[Symbol.dispose]());
  return db;
}

/** Opens the selection of a run on a lake of six images. */
async function select(
  db: DuckDb,
  sql: string,
  changes: Partial<RunSpec> = {},
): Promise<{ readonly run: ReturnType<typeof parseRunSpec>; readonly selection: Selection }> {
  const run = parseRunSpec({ name: 'r', sql, table: 'images', ...changes }, 'test');
  const scratchDir = await makeTestFolder();
  return { run, selection: await openSelection(db, lake.current.store, run, scratchDir, undefined) };
}

/** Puts the rows of a run in order and gives them. */
async function order(
  sql: string,
  changes: Partial<RunSpec> = {},
  earlier?: EarlierImages,
): Promise<object[]> {
  const db = await openDb();
  const { run, selection } = await select(db, sql, changes);
  const count = await orderRows(db, run, selection, selection.columns, earlier);
  const rows = await db.rows<object>('FROM planned_rows');
  expect(rows).toHaveLength(count);
  return rows;
}

function idsOf(rows: readonly object[]): string[] {
  return rows.map((row) => String(Reflect.get(row, '__id')));
}

/** Key and hash of the original of each id, as the table has them. */
async function originals(): Promise<Map<string, { image_key: string; image_sha256: string }>> {
  const rows = await queryRows<{ id: number; image_key: string; image_sha256: string }>(
    lake.current,
    'SELECT id, image_key, image_sha256 FROM images',
  );
  return new Map(rows.map(({ id, ...original }) => [String(id), original]));
}

async function threadsOf(db: DuckDb): Promise<unknown> {
  const [row] = await db.rows<{ threads: unknown }>("SELECT current_setting('threads') AS threads");
  return row?.threads;
}

async function defaultThreads(): Promise<unknown> {
  const db = await openDb(7);
  await db.run('RESET threads');
  return threadsOf(db);
}

describe('the rows of a plan', () => {
  test('are in the order of a hash of their ids, each with its original and the columns of the SQL', async () => {
    const known = await originals();
    const rows = await order('SELECT id, year FROM images ORDER BY id');
    const db = await openDb();
    const ids = await db.rows<{ id: string }>(
      'SELECT i::VARCHAR AS id FROM range(1, 7) t(i) ORDER BY hash(id), id',
    );
    expect(rows).toEqual(
      ids.map(({ id }) => ({
        __id: id,
        __image_key: known.get(id)?.image_key,
        __image_sha256: known.get(id)?.image_sha256,
        id: BigInt(id),
        year: 2007 + Number(id),
      })),
    );
  });

  test.each([
    ['as the SQL says, where it says all', ", 'k.jpg' AS image_key, 's' AS image_sha256", 'k.jpg', 's'],
    ['of the table, where it names a key without a hash', ", 'k.jpg' AS image_key", 'table', 'table'],
    ['of the table, where it names a hash without a key', ", 's' AS image_sha256", 'table', 'table'],
  ])('have the original %s', async (_, columns, key, sha256) => {
    const known = (await originals()).get('2');
    expect(await order(`SELECT id${columns} FROM images WHERE id = 2`)).toMatchObject([
      {
        __image_key: key === 'table' ? known?.image_key : key,
        __image_sha256: sha256 === 'table' ? known?.image_sha256 : sha256,
      },
    ]);
  });

  test('have no original where the table has no row of that id', async () => {
    expect(await order('SELECT 77 AS id')).toEqual([
      { __id: '77', __image_key: null, __image_sha256: null, id: 77 },
    ]);
  });

  test('are the first ones of the SQL up to a limit, of which a sample is taken', async () => {
    const sql = 'SELECT id FROM images ORDER BY id DESC';
    expect(idsOf(await order(sql, { limit: 2 })).toSorted()).toEqual(['5', '6']);
    const md5 = (seed: number, id: string): string => createHash('md5').update(`${seed}:${id}`).digest('hex');
    const smallest = (seed: number, ids: string[]): string[] =>
      ids.toSorted((a, b) => (md5(seed, a) < md5(seed, b) ? -1 : 1)).slice(0, 3);
    for (const seed of [1, 2]) {
      const all = smallest(seed, ['1', '2', '3', '4', '5', '6']);
      expect(idsOf(await order(sql, { sample: 3, seed })).toSorted()).toEqual(all.toSorted());
      const limited = smallest(seed, ['3', '4', '5', '6']);
      expect(idsOf(await order(sql, { sample: 3, seed, limit: 4 })).toSorted()).toEqual(limited.toSorted());
    }
    expect.assertions(1 + 1 + 2 * 4);
  });

  test('have the boxes of the SQL as numbers', async () => {
    const sql = 'SELECT id, 1 AS l, 2.5 AS t, 3 AS w, 4 AS h FROM images WHERE id = 1';
    expect(await order(sql, { cropColumns: ['l', 't', 'w', 'h'] })).toMatchObject([
      { __box_left: 1, __box_top: 2.5, __box_width: 3, __box_height: 4 },
    ]);
  });

  test('have the images that were made of the same id and original before', async () => {
    const known = await originals();
    const values = [1, 2].map((id) => {
      const sha256 = id === 1 ? known.get('1')?.image_sha256 : 'another';
      return `('${id}', '${sha256}', 'taken ${id}')`;
    });
    const earlier = {
      runId: 'x',
      select: `SELECT * FROM (VALUES ${values.join(', ')}) AS v(__taken_id, __taken_sha256, __taken)`,
    };
    const rows = await order('SELECT id FROM images WHERE id < 4', {}, earlier);
    const taken = rows.map((row) => `${idsOf([row]).join()} ${String(Reflect.get(row, '__taken'))}`);
    expect(taken.toSorted()).toEqual(['1 taken 1', '2 null', '3 null']);
    expect(Object.keys(rows[0] ?? {})).toEqual(['__id', '__image_key', '__image_sha256', 'id', '__taken']);
  });

  test.each<[string, string, string]>([
    ['PLAN_EMPTY', 'SELECT id FROM images WHERE id > 6', 'the SQL matched no rows'],
    [
      'PLAN_ID_DUPLICATE',
      'SELECT unnest([1, 2, 2, 2, NULL, NULL, 3, 3]) AS id',
      'the SQL returns ids that are null or not unique: 2 (3 times), 3 (2 times), null',
    ],
    [
      'PLAN_ID_DUPLICATE',
      'SELECT unnest([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]) AS id',
      'the SQL returns ids that are null or not unique: 1 (2 times), 2 (2 times), 3 (2 times), 4 (2 times), 5 (2 times)',
    ],
  ])('are refused with %s: %s', async (code, sql, message) => {
    await expect(order(sql)).rejects.toMatchObject({ code, message });
  });

  test.each([true, false])(
    'are read by one thread where their order depends on it: %s',
    async (needsOneThread) => {
      const db = await openDb(3);
      const { run, selection } = await select(db, "SELECT 1 AS id, current_setting('threads') AS threads");
      await orderRows(db, run, { ...selection, needsOneThread }, selection.columns, undefined);
      expect(await db.rows('SELECT threads FROM planned_rows')).toEqual([
        { threads: needsOneThread ? 1n : 3n },
      ]);
      expect(await threadsOf(db)).toBe(needsOneThread ? await defaultThreads() : 3n);
    },
  );
});

test('the parts of a plan are cut as asked, and told with their rows, size and hash', async () => {
  const db = await openDb();
  await db.run('CREATE TABLE planned_rows AS SELECT (i * 7)::VARCHAR AS __id FROM range(5) t(i)');
  const folder = await makeTestFolder();
  const files = await writePlanFiles(db, 5, { ...cutPlan(5, 2), partRowCount: 2 }, folder);
  const found: unknown[] = [];
  for (const { path, part } of files) {
    expect(part).toEqual({
      rowCount: part.rowCount,
      sizeBytes: (await stat(path)).size,
      sha256: await hashFile(path),
    });
    const rows = await db.rows<object>(`FROM ${quoteText(path)}`);
    expect(rows).toHaveLength(part.rowCount);
    found.push(rows);
  }
  expect(found).toEqual([
    [
      { __ordinal: 0n, __id: '0' },
      { __ordinal: 1n, __id: '7' },
    ],
    [
      { __ordinal: 2n, __id: '14' },
      { __ordinal: 3n, __id: '21' },
    ],
    [{ __ordinal: 4n, __id: '28' }],
  ]);
  expect(new Set(files.map(({ path }) => path)).size).toBe(3);
  const [whole, ...more] = await writePlanFiles(db, 5, cutPlan(5, 2), await makeTestFolder());
  expect(more).toEqual([]);
  expect(whole?.part.rowCount).toBe(5);
  // What comes after it is not slowed down.
  expect(await threadsOf(db)).toBe(await defaultThreads());
});

test('the hash of a plan is that of the hashes of its parts in their order', () => {
  const part = (sha256: string): Parameters<typeof hashPlan>[0][number] => ({
    rowCount: 1,
    sizeBytes: 1,
    sha256,
  });
  expect(hashPlan([part('a'), part('b')])).toBe(createHash('sha256').update('a,b').digest('hex'));
  expect(hashPlan([part('b'), part('a')])).not.toBe(hashPlan([part('a'), part('b')]));
});

describe('the mean size of originals', () => {
  test('is that of the first data file that the SQL reads', async () => {
    const small = await drawJpeg(7, 9, 9);
    const large = await drawJpeg(8, 300, 300);
    for (const [id, bytes] of [
      [7, small],
      [8, large],
    ] as const) {
      const folder = await makeTestFolder();
      const source = await writeCatalogue(folder, [csvLine({ id })], { [`${id}.jpg`]: bytes });
      await lake.current.lakehouse.ingest({ source, table: 'two' });
    }
    const db = await openDb();
    const { selection } = await select(db, 'SELECT id FROM two', { table: 'two' });
    const meanOf = (readFiles: Selection['source']['readFiles']): Promise<number> =>
      meanOriginalBytes(db, { ...selection, source: { ...selection.source, readFiles } });
    const [first, second, ...more] = selection.source.readFiles;
    if (first === undefined || second === undefined) expect.fail('there are two files');
    expect(more).toEqual([]);
    const means = [await meanOf([first, second]), await meanOf([second, first])];
    expect(means.toSorted((a, b) => a - b)).toEqual([small.length, large.length]);
    expect(await meanOf([])).toBe(1);
  });

  test.each([
    ['a table that does not tell it', 'SELECT 1 AS id', 1],
    ['originals of no bytes', 'SELECT 1 AS id, 0 AS image_bytes', 1],
    ['originals whose sizes are unknown', 'SELECT 1 AS id, NULL::INTEGER AS image_bytes', 1],
    ['originals of some bytes', 'SELECT 1 AS id, unnest([10, 20]) AS image_bytes', 15],
  ])('of %s is known as far as it can be', async (name, rows, mean) => {
    const table = name.replaceAll(' ', '-').slice(0, 40);
    await lake.current.lakehouse.tables.attach(table, await writeParquet(await makeTestFolder(), rows));
    const db = await openDb();
    const { selection } = await select(db, `SELECT id FROM "${table}"`, { table: `"${table}"` });
    expect(await meanOriginalBytes(db, selection)).toBe(mean);
  });
});
