import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { type Lakehouse, openLakehouse } from '../../src/index.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';
import { DeltaTable, duckDb, writeFileOf } from '../support/delta-table.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

async function makeLake(
  columns: Readonly<Record<string, DeltaType>>,
  files: Readonly<Record<string, { readonly size: number; readonly stats?: object }>>,
  folder?: string,
): Promise<Lakehouse> {
  const table = await DeltaTable.begin(folder);
  table.protocol().metadata(columns);
  for (const [path, file] of Object.entries(files)) table.add(path, file);
  await table.commit();
  return openLakehouse({ lake: table.lake });
}

describe('rows with NaN in files whose bounds leave it out', () => {
  type Column = Parameters<typeof parquetWriteBuffer>[0]['columnData'][number];

  async function open(type: 'float' | 'double'): Promise<Lakehouse> {
    const lake = await makeTestFolder();
    await mkdir(join(lake, 'tables/t'), { recursive: true });
    const values = [0.5, Number.NaN];
    const columnData: Column[] = [
      { name: 'id', data: [1n, 2n], type: 'INT64' },
      { name: 'd', data: values, type: type === 'float' ? 'FLOAT' : 'DOUBLE' },
    ];
    const path = join(lake, 'tables/t/f.parquet');
    await writeFile(path, Buffer.from(parquetWriteBuffer({ columnData })));
    const [[max] = []] = await duckDb(
      `SELECT stats_max_value FROM parquet_metadata('${path}') WHERE path_in_schema = 'd'`,
    );
    // Otherwise the test would prove nothing.
    expect(max).toBe('0.5');
    const stats = {
      numRecords: 2,
      minValues: { id: 1, d: 0.5 },
      maxValues: { id: 2, d: 0.5 },
      nullCount: { id: 0, d: 0 },
    };
    return makeLake({ id: 'long', d: type }, { 'f.parquet': { size: (await stat(path)).size, stats } }, lake);
  }

  test.each(['float', 'double'] as const)('of type %s are found and deleted', async (type) => {
    const lakehouse = await open(type);
    for (const condition of [
      'd > 1',
      'd >= 0.75',
      'd <> 0.5',
      `d = 'NaN'`,
      'isnan(d)',
      'd NOT BETWEEN 0 AND 1',
    ])
      expect(await rowsOf(lakehouse, `SELECT id FROM t WHERE ${condition}`), condition).toEqual([[2]]);
    for (const condition of ['d < 1', 'd = 0.5', 'd <= 0.5'])
      expect(await rowsOf(lakehouse, `SELECT id FROM t WHERE ${condition}`), condition).toEqual([[1]]);
    expect(await rowsOf(lakehouse, 'SELECT max(d)::VARCHAR FROM t')).toEqual([['nan']]);
    expect((await lakehouse.tables.verify('t', true)).problems).toEqual([]);
    expect(await lakehouse.tables.delete({ table: 't', where: 'd > 1' })).toMatchObject({ deletedCount: 1 });
    expect(await rowsOf(lakehouse, 'SELECT id FROM t')).toEqual([[1]]);
  });

  test('are found in files of pixlake too, nested or not', async () => {
    const folder = await makeTestFolder();
    const lakehouse = await makeLake(
      {
        id: 'long',
        d: 'double',
        s: { type: 'struct', fields: [{ name: 'f', type: 'float', nullable: true, metadata: {} }] },
      },
      {
        'f.parquet': await writeFileOf(
          join(folder, 'tables/t'),
          'f.parquet',
          `SELECT i AS id, CASE WHEN i = 2 THEN 'NaN'::DOUBLE ELSE i END AS d, {'f': d::FLOAT} AS s FROM range(1, 4) AS t(i)`,
        ),
      },
      folder,
    );
    const found = async (): Promise<unknown[]> => [
      await rowsOf(lakehouse, 'SELECT id FROM t WHERE d > 5'),
      await rowsOf(lakehouse, 'SELECT id FROM t WHERE s.f > 5'),
    ];
    expect(await found()).toEqual([[[2]], [[2]]]);
    expect(await lakehouse.tables.optimize({ table: 't', sortBy: ['id'] })).toMatchObject({
      isCommitted: true,
    });
    expect(await found()).toEqual([[[2]], [[2]]]);
  });
});

test('a column that a file lacks is null, whatever its statistics count', async () => {
  const folder = await makeTestFolder();
  const table = join(folder, 'tables/t');
  const stats = { numRecords: 2, minValues: { id: 1 }, maxValues: { id: 2 }, nullCount: { id: 0, late: 2 } };
  const lakehouse = await makeLake(
    { id: 'long', late: 'string', more: { type: 'array', elementType: 'double', containsNull: true } },
    {
      'old.parquet': {
        ...(await writeFileOf(table, 'old.parquet', 'SELECT 1 AS id UNION ALL SELECT 2')),
        stats,
      },
      'new.parquet': await writeFileOf(
        table,
        'new.parquet',
        `SELECT [1.5] AS more, 'x' AS late, 3 AS id, 4 AS stray`,
      ),
    },
    folder,
  );
  expect(await rowsOf(lakehouse, 'SELECT id, late, len(more)::INTEGER FROM t ORDER BY id')).toEqual([
    [1, null, null],
    [2, null, null],
    [3, 'x', 1],
  ]);
  expect(await rowsOf(lakehouse, 'SELECT count(*) FROM t WHERE late IS NULL')).toEqual([[2]]);
  expect(await rowsOf(lakehouse, `SELECT id FROM t WHERE late = 'x'`)).toEqual([[3]]);
  expect((await lakehouse.tables.verify('t', true)).problems).toEqual([]);
});

test('void columns are columns of nulls, at the top and nested, in every format', async () => {
  const folder = await makeTestFolder();
  const fields = [
    { name: 'a', type: 'long', nullable: true, metadata: {} },
    { name: 'n', type: 'void', nullable: true, metadata: {} },
  ];
  const lakehouse = await makeLake(
    { id: 'long', v: 'void', s: { type: 'struct', fields } },
    {
      'f.parquet': await writeFileOf(
        join(folder, 'tables/t'),
        'f.parquet',
        `SELECT 1::BIGINT AS id, {'a': 7::BIGINT} AS s`,
      ),
    },
    folder,
  );
  expect(await rowsOf(lakehouse, 'SELECT id, v, s.a, s.n FROM t')).toEqual([[1, null, 7, null]]);
  expect(
    await rowsOf(lakehouse, `SELECT count(*) FROM t WHERE v IS NULL AND coalesce(v, 'x') = 'x'`),
  ).toEqual([[1]]);
  const path = join(folder, 'out.parquet');
  expect(await lakehouse.queryToParquet('SELECT id, v FROM t', path)).toBe(1);
  expect(await duckDb(`SELECT id, v FROM '${path}'`)).toEqual([[1n, null]]);
});

describe('plain Parquet below name=value folders', () => {
  async function attach(path: string, query: string, root = ''): Promise<Lakehouse> {
    const folder = await makeTestFolder();
    await writeFileOf(join(folder, 'files'), path, query);
    const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
    await lakehouse.tables.attach('f', join(folder, 'files', root));
    return lakehouse;
  }

  test('keeps a column of its own that a folder is named like', async () => {
    const lakehouse = await attach('year=2020/Kind=x/f.parquet', `SELECT 1 AS id, 1999 AS year, 'y' AS kind`);
    expect(await rowsOf(lakehouse, 'SELECT id, year, kind FROM f')).toEqual([[1, 1999, 'y']]);
  });

  test('takes columns from the folders below what was attached, and none above', async () => {
    const lakehouse = await attach(
      'year=2020/day=2020-01-02/k=a%20b/n=7/f.parquet',
      'SELECT 1 AS id',
      'year=2020',
    );
    const { columns } = await lakehouse.tables.describe('f');
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ['id', 'integer'],
      ['day', 'date'],
      ['k', 'string'],
      ['n', 'long'],
    ]);
    expect(await rowsOf(lakehouse, 'SELECT id, day::VARCHAR, k, n FROM f')).toEqual([
      [1, '2020-01-02', 'a b', 7],
    ]);
  });
});

test('of two attachments of one name at once, one is told that the name is taken', async () => {
  const folder = await makeTestFolder();
  const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) await writeFileOf(join(folder, name), 'f.parquet', `SELECT '${name}' AS name`);
  const done = await Promise.allSettled(
    names.map((name) => lakehouse.tables.attach('one', join(folder, name))),
  );
  const won = names.filter((_name, index) => done[index]?.status === 'fulfilled');
  expect(won).toHaveLength(1);
  const refused = done.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  );
  expect(refused).toMatchObject(names.slice(1).map(() => ({ code: 'TABLE_EXISTS' })));
  expect(await rowsOf(lakehouse, 'SELECT name FROM one')).toEqual([[won[0]]]);
});
