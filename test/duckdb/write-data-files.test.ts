import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { quoteName, quoteText } from '../../src/sql/sql-text.ts';
import { FILE_COLUMN, selectSnapshot } from '../../src/catalog/table-view.ts';
import { writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import { PixlakeError } from '../../src/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { commitChange } from '../support/commit-change.ts';
import { withFaults } from '../support/failing-store.ts';
import type { AddAction, FileStats } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, type DeltaType, deltaArray, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { rowCountOf, type Snapshot } from '../../src/table/snapshot.ts';

let root: string;
let store: ObjectStore;
let db: DuckDb;
let scratchDir: string;
let tableCount = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  store = openStore(join(root, "a lake's folder"));
  scratchDir = await store.makeScratchDir();
  db = await openDuckDb({ scratchDir, threads: 1 });
});

afterAll(async () => {
  db[Symbol.dispose]();
  await rm(root, { recursive: true, force: true });
});

function schemaOf(columns: Readonly<Record<string, DeltaType>>): DeltaStruct {
  return { type: 'struct', fields: Object.entries(columns).map(([name, type]) => deltaField(name, type)) };
}

interface Written {
  readonly folder: string;
  readonly added: readonly AddAction[];
  readonly snapshot: Snapshot;
}

/** Writes the rows of a query as a new table. */
async function writeTable(
  query: string,
  schema: DeltaStruct,
  partitionColumns: readonly string[] = [],
  options: { readonly rowGroupSize?: number; readonly namePrefix?: string } = {},
): Promise<Written> {
  tableCount += 1;
  const folder = `tables/t${tableCount}`;
  const added = await writeDataFiles(db, store, {
    query,
    schema,
    partitionColumns,
    folder,
    scratchDir,
    ...options,
  });
  await commitChange(store, {
    folder,
    base: undefined,
    schema,
    partitionColumns,
    added,
    removed: [],
    reads: NONE,
    operation: 'TEST',
    parameters: {},
    metrics: {},
    software: 'test',
  });
  const snapshot = await readSnapshot(store, folder);
  if (snapshot === undefined) throw new Error('the table is gone');
  return { folder, added, snapshot };
}

async function readBack<Row>({ snapshot }: Written, order = 'id'): Promise<Row[]> {
  return db.rows<Row>(`FROM (${await selectSnapshot(db, store, snapshot)}) ORDER BY ${order}`);
}

function statsOf(add: AddAction | undefined): FileStats {
  return JSON.parse(add?.stats ?? '') as FileStats;
}

function literal(value: string | number | bigint | boolean | null, type: string): string {
  return value === null ? `NULL::${type}` : `${quoteText(String(value))}::${type}`;
}

function valuesOf(rows: readonly (readonly string[])[], columns: readonly string[]): string {
  const tuples = rows.map((row) => `(${row.join(', ')})`);
  return `SELECT * FROM (VALUES ${tuples.join(', ')}) AS v(${columns.map(quoteName).join(', ')})`;
}

describe('partition values', () => {
  const schema = schemaOf({ id: 'long', part: 'string' });

  async function roundTrip(values: readonly (string | null)[]): Promise<Written> {
    const rows = values.map((value, id) => [literal(id, 'BIGINT'), literal(value, 'VARCHAR')]);
    const written = await writeTable(valuesOf(rows, ['id', 'part']), schema, ['part']);
    // Delta takes an empty text for null.
    expect(await readBack(written)).toEqual(
      values.map((part, id) => ({ id: BigInt(id), part: part || null })),
    );
    return written;
  }

  it.each<[string, (string | null)[]]>([
    ['spaces', ['Personal Care', ' ', ' leading', 'trailing ']],
    ['slashes', ['a/b', '/', '../../escape', '.', '..', 'back\\slash']],
    [
      'marks of folders and URLs',
      ['a=b', '#1', 'why?', '100%', '%20', '%2520', '%zz', 'a+b', 'a&b', 'a;b', 'a:b*'],
    ],
    ['quotes', [`it's`, '"quoted"', '`', `'; DROP TABLE x; --`]],
    ['other scripts', ['日本語', 'Größe', 'é', 'e\u0301', '😀', '\u200f']],
    ['control characters', ['line\nfeed', 'tab\t', '\u0001', '\u007f']],
    ['numbers as texts', ['1', '01', '1.0', '1e3', '-0', 'NaN', 'true', '2024-01-01']],
    ['upper and lower case', ['Men', 'men', 'MEN']],
    ['null and the empty text, which are one', [null, '', 'x']],
    ['texts that say null', ['null', 'NULL', 'Null', 'None', null]],
    ['the folder name that stands for null', ['__HIVE_DEFAULT_PARTITION__', null]],
  ])('come back as they were: %s', async (_, values) => {
    await roundTrip(values);
  });

  it('come back as they were, whatever they are', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 10 }), fc.string({ maxLength: 20 }));
    const value = fc.option(
      text.map((one) => one.replaceAll('\0', '')),
      { freq: 8 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(value, { minLength: 1, maxLength: 6 }), async (values) => {
        await roundTrip(values);
      }),
      { seed: 41, numRuns: 15 },
    );
  });

  it('stand in the log as plain texts, and in folder names encoded, which the path encodes once more', async () => {
    const { added } = await roundTrip(['Personal Care', null]);
    const [care, none] = added;
    expect(care?.partitionValues).toEqual({ part: 'Personal Care' });
    expect(care?.path).toMatch(/^part=Personal%2520Care\/part-[^/]+\.parquet$/u);
    expect(none?.partitionValues).toEqual({ part: null });
    expect(none?.path).toMatch(/^part=__HIVE_DEFAULT_PARTITION__\/part-/u);
  });

  it('keep their types, with several columns in the order asked for', async () => {
    const typed = schemaOf({
      id: 'long',
      year: 'integer',
      day: 'date',
      isNew: 'boolean',
      price: 'decimal(6,2)',
    });
    const query = `SELECT * FROM (VALUES
      (1::BIGINT, 2012, DATE '2012-02-29', true, 1.5::DECIMAL(6,2)), (2, 2013, NULL, false, NULL), (3, NULL, DATE '1969-12-31', NULL, -3))
      AS v(id, year, day, "isNew", price)`;
    const written = await writeTable(query, typed, ['isNew', 'year', 'day', 'price']);
    expect(written.added[0]?.path).toMatch(/^isNew=true\/year=2012\/day=2012-02-29\/price=1\.50\//u);
    expect(await readBack(written)).toEqual(await db.rows(`FROM (${query}) ORDER BY id`));
  });

  it('come from the log where a table of others has folders that do not tell them', async () => {
    const rows = [
      ['1::BIGINT', `'a'`],
      ['2::BIGINT', `'b'`],
    ];
    const { snapshot } = await writeTable(valuesOf(rows, ['id', 'part']), schema, ['part']);
    const [first, second] = snapshot.files;
    const [keyA, keyB] = [`${snapshot.folder}/Qx/1.parquet`, `${snapshot.folder}/part=b%ZZ/2.parquet`];
    await store.moveIn(keyA, store.locate(first?.key ?? ''));
    await store.moveIn(keyB, store.locate(second?.key ?? ''));
    const files = snapshot.files.map((file, index) => ({ ...file, key: index === 0 ? keyA : keyB }));
    const sql = await selectSnapshot(db, store, { ...snapshot, files }, { withFile: true });
    expect(await db.rows(`FROM (${sql}) ORDER BY id`)).toEqual([
      { id: 1n, part: 'a', [FILE_COLUMN]: store.locate(keyA) },
      { id: 2n, part: 'b', [FILE_COLUMN]: store.locate(keyB) },
    ]);
  });
});

describe('statistics', () => {
  const columns = {
    whole: ['long', 'BIGINT'],
    real: ['double', 'DOUBLE'],
    single: ['float', 'FLOAT'],
    text: ['string', 'VARCHAR'],
    day: ['date', 'DATE'],
    flag: ['boolean', 'BOOLEAN'],
  } as const;
  const names = Object.keys(columns);
  const schema = schemaOf(Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type])));

  const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
    fc.option(arbitrary, { freq: 4 });
  const wholes = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -9n, max: 9n }),
  );
  const reals = fc.oneof(fc.double(), fc.constantFrom(0, -0, 0.1, 1e300, 5e-324, Infinity, Number.NaN));
  const singles = fc.oneof(fc.float(), fc.constantFrom(0.5, 16_777_216));
  const texts = fc
    .oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.string({ unit: 'grapheme', minLength: 80, maxLength: 300 }),
      fc.constantFrom('', 'z'.repeat(300), '日'.repeat(200), '\u{10ffff}'.repeat(100)),
    )
    .map((text) => text.replaceAll('\0', ''));
  const days = fc.oneof(
    fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((day) => day.toISOString().slice(0, 10)),
    fc.constantFrom('infinity', '0044-03-15 (BC)', '12024-01-01'),
  );
  const row = fc.tuple(
    nullable(wholes),
    nullable(reals),
    nullable(singles),
    nullable(texts),
    nullable(days),
    nullable(fc.boolean()),
  );

  it('count rows and nulls exactly, and their bounds hold for every row', async () => {
    const types = Object.values(columns).map(([, type]) => type);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        const literals = rows.map((values) =>
          values.map((value, index) =>
            literal(Object.is(value, -0) ? '-0.0' : value, types[index] ?? 'VARCHAR'),
          ),
        );
        const query = valuesOf(literals, names);
        const { added } = await writeTable(query, schema);
        const stats = statsOf(added[0]);
        expect(stats.numRecords).toBe(rows.length);
        for (const [index, name] of names.entries()) {
          expect(stats.nullCount?.[name], name).toBe(rows.filter((values) => values[index] === null).length);
          const [min, max] = [stats.minValues?.[name], stats.maxValues?.[name]];
          expect(min === undefined).toBe(max === undefined);
          if (min === undefined || max === undefined) continue;
          const [low, high] = [min, max].map((bound) =>
            literal(bound as string | number, types[index] ?? ''),
          );
          const outside = await db.rows(
            `FROM (${query}) WHERE NOT (${quoteName(name)} BETWEEN ${low ?? ''} AND ${high ?? ''})`,
          );
          expect(outside, `${name} outside ${low} to ${high}`).toEqual([]);
        }
      }),
      { seed: 43, numRuns: 40 },
    );
  });

  it('are the very smallest and largest values of ordinary columns', async () => {
    const query = `SELECT * FROM (VALUES
      (3::BIGINT, -0.25::DOUBLE, 1.5::FLOAT, 'Shoe', DATE '2020-02-29', true),
      (-7, 1e10, NULL, 'Bag', DATE '1999-12-31', NULL)) AS v(${names.join(', ')})`;
    const { added } = await writeTable(query, schema);
    expect(statsOf(added[0])).toEqual({
      numRecords: 2,
      minValues: { whole: -7, real: -0.25, single: 1.5, text: 'Bag', day: '1999-12-31' },
      maxValues: { whole: 3, real: 1e10, single: 1.5, text: 'Shoe', day: '2020-02-29' },
      nullCount: { whole: 0, real: 0, single: 1, text: 0, day: 0, flag: 1 },
    });
  });

  it.each([
    ['integers that JSON readers would round', 'whole', '9007199254740993::BIGINT'],
    ['NaN', 'real', `'nan'::DOUBLE`],
    ['infinity', 'real', `'inf'::DOUBLE`],
    ['a day that has no four-digit year', 'day', `'12024-01-01'::DATE`],
    ['a day before our era', 'day', `'0044-03-15 (BC)'::DATE`],
    ['an endless day', 'day', `'infinity'::DATE`],
  ])('leave a bound out for %s', async (_, name, sql) => {
    const others = names.map((column) => (column === name ? `${sql} AS ${column}` : `NULL AS ${column}`));
    const { added } = await writeTable(`SELECT ${others.join(', ')}`, schema);
    const stats = statsOf(added[0]);
    expect(stats.minValues).not.toHaveProperty(name);
    expect(stats.maxValues).not.toHaveProperty(name);
    expect(stats.nullCount?.[name]).toBe(0);
  });

  it('put negative zero below zero, as readers that order them need it', async () => {
    const { added } = await writeTable(
      "SELECT '-0.0'::DOUBLE AS a, 0.0::DOUBLE AS b, 0 AS c UNION ALL SELECT '-0.0'::DOUBLE, 1.5, 1",
      schemaOf({ a: 'double', b: 'double', c: 'integer' }),
    );
    expect(statsOf(added[0])).toMatchObject({
      minValues: { a: -0, b: -0, c: 0 },
      maxValues: { a: 0, b: 1.5, c: 1 },
    });
    expect(added[0]?.stats).toContain('"a":-0.0');
  });

  it('know columns whose names need quotes', async () => {
    const odd = schemaOf({ 'a "b"': 'long', 'c.d': 'string', É: 'long' });
    const { added } = await writeTable(`SELECT 1::BIGINT AS "a ""b""", 'x' AS "c.d", 2::BIGINT AS "É"`, odd);
    expect(statsOf(added[0]).minValues).toEqual({ 'a "b"': 1, 'c.d': 'x', É: 2 });
  });

  it('are those of each file, without the partition columns that it does not hold', async () => {
    const { added } = await writeTable(
      `SELECT i::BIGINT AS id, CASE WHEN i < 3 THEN 'low' ELSE 'high' END AS part FROM range(10) AS r(i)`,
      schemaOf({ id: 'long', part: 'string' }),
      ['part'],
    );
    const byPart = Object.fromEntries(added.map((add) => [add.partitionValues['part'], statsOf(add)]));
    expect(byPart['low']).toEqual({
      numRecords: 3,
      minValues: { id: 0 },
      maxValues: { id: 2 },
      nullCount: { id: 0 },
    });
    expect(byPart['high']).toMatchObject({ numRecords: 7, minValues: { id: 3 }, maxValues: { id: 9 } });
  });
});

describe('data files', () => {
  const schema = schemaOf({ id: 'long', text: 'string', tags: deltaArray('string'), part: 'string' });

  it('hold exactly the rows they were given', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((one) => one.replaceAll('\0', ''));
    const rows = fc.array(
      fc.record({
        text: fc.option(text),
        tags: fc.option(fc.array(fc.option(text), { maxLength: 3 })),
        part: fc.constantFrom('a b', 'ü/', null),
      }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async (given, isPartitioned) => {
        const literals = given.map(({ text: one, tags, part }, id) => [
          literal(id, 'BIGINT'),
          literal(one, 'VARCHAR'),
          tags === null
            ? 'NULL::VARCHAR[]'
            : `[${tags.map((tag) => literal(tag, 'VARCHAR')).join(', ')}]::VARCHAR[]`,
          literal(part, 'VARCHAR'),
        ]);
        const written = await writeTable(
          valuesOf(literals, ['id', 'text', 'tags', 'part']),
          schema,
          isPartitioned ? ['part'] : [],
        );
        expect(await readBack(written)).toEqual(given.map((one, id) => ({ id: BigInt(id), ...one })));
      }),
      { seed: 47, numRuns: 20 },
    );
  });

  it('keep the order of the rows', async () => {
    const query = 'SELECT ((i * 7919) % 10007)::BIGINT AS id FROM range(5000) AS r(i)';
    const { snapshot } = await writeTable(query, schemaOf({ id: 'long' }));
    const [read, given] = [await db.rows(await selectSnapshot(db, store, snapshot)), await db.rows(query)];
    expect(read).toEqual(given);
  });

  it('say their true sizes, and lie where their paths say', async () => {
    const { folder, added, snapshot } = await writeTable(
      `SELECT i::BIGINT AS id, NULL::VARCHAR AS text, NULL::VARCHAR[] AS tags, 'p ' || i % 3 AS part FROM range(100) AS r(i)`,
      schema,
      ['part'],
    );
    expect(added).toHaveLength(3);
    for (const file of snapshot.files) {
      const path = store.locate(file.key);
      expect(file.key.startsWith(`${folder}/part=p%20`)).toBe(true);
      expect((await stat(path)).size).toBe(file.sizeBytes);
      const [counted] = await db.rows<{ count: bigint }>(
        `SELECT count(*) AS count FROM read_parquet(${quoteText(path)})`,
      );
      expect(Number(counted?.count)).toBe(rowCountOf(file));
      // Delta data files do not hold partition columns.
      const held = await db.rows<{ name: string }>(
        `SELECT name FROM parquet_schema(${quoteText(path)}) WHERE name = 'part'`,
      );
      expect(held).toEqual([]);
    }
  });

  it('are named by their contents where a prefix is asked for', async () => {
    const write = async (id: number): Promise<string | undefined> => {
      const query = `SELECT ${id}::BIGINT AS id`;
      const { added } = await writeTable(query, schemaOf({ id: 'long' }), [], { namePrefix: 'block-00007' });
      return added[0]?.path;
    };
    const name = await write(1);
    expect(name).toMatch(/^block-00007-[0-9a-f]{8}\.parquet$/u);
    expect(await write(1)).toBe(name);
    expect(await write(2)).not.toBe(name);
  });

  it('are cut into row groups small enough to skip', async () => {
    const groupsOf = async (options: { rowGroupSize?: number }): Promise<number> => {
      const query = 'SELECT i::BIGINT AS id FROM range(20000) AS r(i)';
      const { snapshot } = await writeTable(query, schemaOf({ id: 'long' }), [], options);
      const path = quoteText(store.locate(snapshot.files[0]?.key ?? ''));
      const [counted] = await db.rows<{ count: bigint }>(
        `SELECT count(DISTINCT row_group_id) AS count FROM parquet_metadata(${path})`,
      );
      return Number(counted?.count);
    };
    expect(await groupsOf({})).toBeGreaterThanOrEqual(2);
    expect(await groupsOf({ rowGroupSize: 2048 })).toBeGreaterThanOrEqual(9);
  });

  it.each([[[]], [['part']]])('are not written for a query without rows, partitioned by %j', async (by) => {
    const query = `SELECT 1::BIGINT AS id, 'x' AS text, ['y'] AS tags, 'z' AS part WHERE false`;
    const written = await writeTable(query, schema, by);
    expect(written.added).toEqual([]);
    expect(await readdir(store.locate(written.folder))).toEqual(['_delta_log']);
    expect(await readBack(written)).toEqual([]);
    const described = await db.rows<{ column_name: string; column_type: string }>(
      `DESCRIBE ${await selectSnapshot(db, store, written.snapshot, { withFile: true })}`,
    );
    expect(described.map((column) => [column.column_name, column.column_type])).toEqual([
      ['id', 'BIGINT'],
      ['text', 'VARCHAR'],
      ['tags', 'VARCHAR[]'],
      ['part', 'VARCHAR'],
      [FILE_COLUMN, 'VARCHAR'],
    ]);
  });

  const invariant = JSON.stringify({ expression: { expression: 'id > 0' } });
  it.each<[string, DeltaStruct['fields'][number], string[], string]>([
    [
      'a null in a column that may hold none',
      { ...deltaField('id', 'long'), nullable: false },
      [],
      'column id must not be null',
    ],
    [
      'a null in a partition column that may hold none',
      { ...deltaField('part', 'string'), nullable: false },
      ['part'],
      'column part must not be null',
    ],
    [
      'a row that breaks an invariant',
      { ...deltaField('id', 'long'), metadata: { 'delta.invariants': invariant } },
      [],
      'a row violates the invariant of column id: id > 0',
    ],
  ])('are refused for %s', async (_name, field, partitionColumns, message) => {
    const query = `SELECT * FROM (VALUES (NULL::BIGINT, 'x'), (-1, NULL)) AS v(id, part)`;
    const fields = schemaOf({ id: 'long', part: 'string' }).fields.map((one) =>
      one.name === field.name ? field : one,
    );
    await expect(writeTable(query, { type: 'struct', fields }, partitionColumns)).rejects.toMatchObject({
      code: 'CONSTRAINT_VIOLATED',
      message: expect.stringContaining(message),
    });
  });

  it('leave nothing behind in the scratch folder, not even after a failure', async () => {
    const request = { schema, folder: 'tables/failed', scratchDir };
    await writeTable(`SELECT 1::BIGINT AS id, 'x' AS text, ['y'] AS tags, 'z' AS part`, schema, ['part']);
    const failing = `SELECT CASE WHEN i = 9999 THEN error('stop') ELSE i END AS id, i % 2 AS part FROM range(10000) AS r(i)`;
    for (const partitionColumns of [[], ['part']]) {
      await expect(
        writeDataFiles(db, store, { ...request, query: failing, partitionColumns }),
      ).rejects.toMatchObject({ name: 'PixlakeError', code: 'SQL_FAILED' });
    }
    expect(await readdir(scratchDir)).toEqual([]);
    expect(await store.stat('tables/failed')).toBeUndefined();
    expect(await store.listFolders('tables/failed')).toEqual([]);
  });

  it('leave none in the table if one of them cannot be put there, unless others may have written the same', async () => {
    let left = 1;
    const full = withFaults(store, {
      moveIn: async (key, path) => {
        if (left-- === 0) throw new PixlakeError('STORAGE_FULL', 'full');
        await store.moveIn(key, path);
      },
    });
    const request = { schema, folder: 'tables/halved', scratchDir, partitionColumns: ['part'] };
    const query = `SELECT i AS id, 'x' AS text, ['y'] AS tags, (i % 3)::VARCHAR AS part FROM range(9) AS r(i)`;
    const writing = writeDataFiles(db, full, { ...request, query });
    await expect(writing).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(left).toBe(-1);
    expect(await store.listFolders('tables/halved')).toEqual([]);
    const named = { ...request, partitionColumns: [], namePrefix: 'block-0' };
    const lost = withFaults(store, {
      moveIn: async (key, path) => {
        await store.moveIn(key, path);
        throw new PixlakeError('STORAGE_FAILED', 'no answer');
      },
    });
    await expect(writeDataFiles(db, lost, { ...named, query })).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    const kept = [];
    for await (const { key } of store.list('tables/halved')) kept.push(key);
    expect(kept).toEqual([expect.stringMatching(/^tables\/halved\/block-0-[0-9a-f]{8}\.parquet$/u)]);
  });
});
