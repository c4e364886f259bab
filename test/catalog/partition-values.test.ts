import { join } from 'node:path';
import { expect, test } from 'vitest';
import { duckDbTypeOf } from '../../src/duckdb/column-type.ts';
import { selectSnapshot } from '../../src/catalog/table-view.ts';
import { type Lakehouse, openLakehouse } from '../../src/index.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { embedServer } from '../api/server-fixture.ts';
import { DeltaTable, duckDb } from '../support/delta-table.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { rowsOf } from '../support/rows-of.ts';

/** A value as text; what is null is no text. */
const textOf = (value: unknown): string => (value as number | string | null)?.toString() ?? '∅';

async function ask(lakehouse: Lakehouse, sql: string): Promise<unknown[][]> {
  return (await rowsOf(lakehouse, sql)).map((row) => row.map(textOf));
}

/** Values as the log has them; each partition has two files, the second in a folder without any name. */
async function makeLake(
  lake: string,
  type: DeltaType,
  values: readonly (string | null)[],
): Promise<{ lakehouse: Lakehouse; expected: string[][] }> {
  const table = await DeltaTable.begin(lake);
  table.protocol().metadata({ id: 'long', p: type, year: 'string' }, { partitionColumns: ['p'] });
  for (const [index, value] of values.entries()) {
    const folder = value === null || value === '' ? '__HIVE_DEFAULT_PARTITION__' : encodeURIComponent(value);
    for (const [file, path] of [`p=${folder}/a${index}.parquet`, `plain-${index}.parquet`].entries()) {
      const id = index * 2 + file;
      const stats = { numRecords: 1, minValues: { id }, maxValues: { id }, nullCount: { id: 0, year: 0 } };
      await table.addRows(path, `SELECT ${id}::BIGINT AS id, 'y${id}' AS year`, {
        partitionValues: { p: value },
        stats,
      });
    }
  }
  await table.commit();
  const literal = (value: string | null): string =>
    value === null || value === '' ? 'NULL' : `'${value.replaceAll("'", "''")}'`;
  const rows = values.flatMap((value, index) =>
    [0, 1].map((file) => [index * 2 + file, literal(value)] as const),
  );
  const sqlType = duckDbTypeOf(type);
  const expected = await duckDb(
    `SET TimeZone = 'UTC'; SELECT id, p::${sqlType}, 'y' || id FROM (VALUES ${rows.map(([id, p]) => `(${id}, ${p})`).join(', ')}) AS v(id, p) ORDER BY id`,
  );
  return { lakehouse: openLakehouse({ lake }), expected: textsOf(expected) };
}

/** Values as texts, times as pixlake writes them. */
function textsOf(rows: readonly (readonly unknown[])[]): string[][] {
  const times = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:[\d.]+)\+00$/u;
  return rows.map((row) => row.map((value) => textOf(value).replace(times, '$1T$2Z')));
}

const VALUES: readonly (readonly [DeltaType, readonly (string | null)[]])[] = [
  [
    'string',
    [
      'plain',
      'two words',
      'a/b',
      '50%',
      '%20',
      'a=b',
      'größe',
      '日本',
      "it's",
      '"quoted"',
      'line\nbreak',
      'null',
      '__HIVE_DEFAULT_PARTITION__',
      '',
      null,
    ],
  ],
  ['long', ['8', '-1', '0012', '9223372036854775807', null]],
  ['date', ['2020-01-01', '1969-12-31', null]],
  ['timestamp', ['2020-01-01 12:30:00.123456', '1969-12-31 23:59:59', '2024-05-05T01:02:03.5Z', null]],
  ['double', ['0.1', '-0.0', '1e300', 'NaN', null]],
  ['boolean', ['true', 'false', null]],
  ['decimal(10,2)', ['1.25', '-0.01', null]],
];

test.each(VALUES)(
  'below folders that look like partitions, partition values of type %s are those of the log, by every verb',
  async (type, values) => {
    const place = 'run_id=abc/p=__HIVE_DEFAULT_PARTITION__/year=2020/p=5/masterCategory=x';
    const lake = join(await makeTestFolder(), place, 'lake');
    const { lakehouse, expected } = await makeLake(lake, type, values);
    const all = 'SELECT id, p, year FROM t ORDER BY id';
    expect(await ask(lakehouse, all)).toEqual(expected);
    const { sql } = await lakehouse.tables.files('t');
    const elsewhere = await duckDb(`SET TimeZone = 'UTC'; SELECT id, p, year FROM (${sql}) ORDER BY id`);
    expect(textsOf(elsewhere)).toEqual(expected);
    expect(await ask(lakehouse, 'SELECT count(*) FROM t WHERE p IS NULL')).toEqual([
      [String(expected.filter(([, p]) => p === '∅').length)],
    ]);
    expect(await lakehouse.tables.optimize({ table: 't' })).toMatchObject({ isCommitted: true });
    expect(await ask(lakehouse, all)).toEqual(expected);
    expect(await lakehouse.tables.optimize({ table: 't', sortBy: ['year'] })).toMatchObject({
      isCommitted: true,
    });
    expect(await ask(lakehouse, all)).toEqual(expected);
    expect(await lakehouse.tables.delete({ table: 't', where: 'id % 2 = 0' })).toMatchObject({
      isCommitted: true,
    });
    expect(await ask(lakehouse, all)).toEqual(expected.filter(([id]) => Number(id) % 2 === 1));
    expect((await lakehouse.tables.verify('t', true)).problems).toEqual([]);
    const [[, p] = []] = expected;
    const condition = `p IS NOT DISTINCT FROM (SELECT p FROM t@v0 WHERE id = 0)`;
    await lakehouse.tables.delete({ table: 't', where: condition });
    const kept = expected.filter(([id, value]) => Number(id) % 2 === 1 && value !== p);
    expect(await ask(lakehouse, all)).toEqual(kept);
    await lakehouse.tables.restore('t', '0');
    expect(await ask(lakehouse, all)).toEqual(expected);
  },
);

test('a server reads the same values below such folders', async () => {
  const lake = join(await makeTestFolder(), 'year=2020/p=5/lake');
  const { expected } = await makeLake(lake, 'string', ['a', '5', 'x', '2020', null]);
  await using server = await embedServer(lake, { limits: { slots: 1 } });
  for (const [where, rows] of [
    ['true', expected],
    ["p = 'x'", expected.filter(([, p]) => p === 'x')],
  ] as const) {
    const sql = `SELECT id, p, year FROM t WHERE ${where} ORDER BY id`;
    const found = (await (await server.post('/v1/query', { sql })).json()) as Record<string, unknown>[];
    expect(found.map((row) => Object.values(row).map(textOf))).toEqual(rows);
  }
});

test('rows of a file keep their partition values whatever a query asks of files and partitions', async () => {
  const lake = join(await makeTestFolder(), 'year=2020/lake');
  const { lakehouse } = await makeLake(lake, 'string', ['a', 'b', 'c', null]);
  for (const [sql, expected] of [
    [`SELECT id FROM t WHERE p IN ('b', 'c')`, ['2', '3', '4', '5']],
    [`SELECT id FROM t WHERE upper(p) = 'B'`, ['2', '3']],
    [`SELECT id FROM t WHERE p IN (SELECT p FROM t WHERE id = 4)`, ['4', '5']],
    [`SELECT a.id FROM t a JOIN t b USING (p) WHERE b.id = 3`, ['2', '3']],
    [`SELECT id FROM t WHERE year > 'y2' AND p < 'c'`, ['3']],
    [`SELECT id FROM t WHERE p IS NULL`, ['6', '7']],
  ] as const) {
    const rows = await ask(lakehouse, `${sql} ORDER BY id`);
    expect(rows.flat(), sql).toEqual(expected);
  }
});

test.each(['file_index', 'filename', '__data_file_', 'FileName'])(
  'a column called %s is read as any other',
  async (name) => {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ [name]: 'long', p: 'string' }, { partitionColumns: ['p'] });
    for (const [index, p] of ['a', 'b'].entries()) {
      const rows = `SELECT ${1 - index}::BIGINT AS "${name}"`;
      await table.addRows(`${p}.parquet`, rows, { partitionValues: { p } });
    }
    await table.commit();
    const { store } = table;
    const snapshot = await readSnapshot(store, DeltaTable.FOLDER);
    if (snapshot === undefined) throw new Error('the table is gone');
    const locate: Parameters<typeof selectSnapshot>[0]['locate'] = async (owner, objects) =>
      objects.map(({ key }) => owner.locate(key));
    const sql = await selectSnapshot({ locate }, store, snapshot);
    expect(await duckDb(`SELECT p, "${name}" FROM (${sql}) ORDER BY p`)).toEqual([
      ['a', 1n],
      ['b', 0n],
    ]);
    expect(await duckDb(`SELECT "${name}" FROM (${sql}) WHERE lower(p) = 'b'`)).toEqual([[0n]]);
  },
);

test('an ingest that changes rows keeps the partition values of the others', async () => {
  const folder = join(await makeTestFolder(), 'gender=Girls/year=2020');
  const lakehouse = openLakehouse({ lake: join(folder, 'lake') });
  const images = Object.fromEntries(
    await Promise.all([1, 2, 3, 4].map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const)),
  );
  const genders = ['Men', 'Women', 'Men', 'Women'];
  const lines = (title: string): string[] =>
    genders.map((gender, index) =>
      csvLine({ id: index + 1, gender, year: 2010 + index, title: index < 2 ? title : 'same' }),
    );
  const source = await writeCatalogue(join(folder, 'source'), lines('old'), images);
  await lakehouse.ingest({ source, partitionBy: ['gender'] });
  await writeCatalogue(join(folder, 'source'), lines('new'), {});
  await lakehouse.ingest({ source });
  expect(await ask(lakehouse, 'SELECT id, gender, year, productDisplayName FROM images ORDER BY id')).toEqual(
    [
      ['1', 'Men', '2010', 'new'],
      ['2', 'Women', '2011', 'new'],
      ['3', 'Men', '2012', 'same'],
      ['4', 'Women', '2013', 'same'],
    ],
  );
  expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
});
