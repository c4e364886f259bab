import { describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { checkValues } from '../../src/maintenance/check-values.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { openTestDb } from '../support/run-in-process.ts';

const LONG = 'x'.repeat(40);
const COLUMNS: Readonly<Record<string, DeltaType>> = {
  i: 'long',
  f: 'float',
  d: 'double',
  dec: 'decimal(10,2)',
  wide: 'decimal(38,10)',
  t: 'string',
  long: 'string',
  day: 'date',
  ts: 'timestamp',
  ntz: 'timestamp_ntz',
  s: { type: 'struct', fields: [{ name: 'a', type: 'integer', nullable: true, metadata: {} }] },
  list: { type: 'array', elementType: 'long', containsNull: true },
};

/** Two rows, the second of which is null throughout but for `d`, which is NaN there. */
const ROWS = `
  SELECT 5::BIGINT AS i, 0.7::FLOAT AS f, 0.1::DOUBLE AS d, 1.25::DECIMAL(10,2) AS dec, 1000000000000000000000.5::DECIMAL(38,10) AS wide,
         'größe' AS t, '${LONG}' AS long, DATE '2020-02-03' AS day, TIMESTAMPTZ '2020-01-01 00:00:00.123456+00' AS ts,
         TIMESTAMP '2020-01-01 00:00:00.123456' AS ntz, {'a': 3} AS s, [1, 2] AS list
  UNION ALL SELECT NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`;

const TRUE_BOUNDS = {
  i: 5,
  f: 0.7,
  d: 0.1,
  dec: 1.25,
  wide: 1e21,
  t: 'größe',
  day: '2020-02-03',
  ts: '2020-01-01T00:00:00.123Z',
  ntz: '2020-01-01T00:00:00.123',
  s: { a: 3 },
};
const TRUE_STATS = {
  numRecords: 2,
  minValues: { ...TRUE_BOUNDS, long: 'x'.repeat(32) },
  maxValues: { ...TRUE_BOUNDS, long: `${'x'.repeat(32)}\uFFFD` },
  nullCount: {
    i: 1,
    f: 1,
    d: 0,
    dec: 1,
    wide: 1,
    t: 1,
    long: 1,
    day: 1,
    ts: 1,
    ntz: 1,
    s: { a: 1 },
    list: 1,
  },
};

async function verify(stats: object, isDeep = true): Promise<string[]> {
  const table = await DeltaTable.begin();
  table.protocol('timestampNtz').metadata(COLUMNS);
  await table.addRows('f.parquet', ROWS, { stats });
  await table.commit();
  const { problems } = await openLakehouse({ lake: table.lake }).tables.verify('t', isDeep);
  expect(new Set(problems.map(({ key }) => key)).size).toBeLessThanOrEqual(1);
  return problems.map(({ problem }) => problem);
}

test('statistics that hold are no problem, cut, rounded or missing as they may be', async () => {
  expect(await verify(TRUE_STATS)).toEqual([]);
  expect(await verify({})).toEqual([]);
  expect(
    await verify({
      numRecords: 2,
      minValues: null,
      maxValues: { i: 'five', d: null, gone: 1 },
      nullCount: { gone: 7, s: null },
    }),
  ).toEqual([]);
  expect(await verify({ ...TRUE_STATS, tightBounds: false, nullCount: { i: 0 } })).toEqual([]);
  expect(
    await verify({
      numRecords: 2,
      minValues: { i: -9e15, d: -1e308, ts: '2019-12-31T16:00:00.123-08:00', long: '' },
      maxValues: { i: 9e15, d: 1e308, ts: '2020-01-01T01:00:00.123+01:00', long: 'y' },
    }),
  ).toEqual([]);
});

const TOO_HIGH = {
  i: 6,
  f: 0.8,
  d: 0.2,
  dec: 1.26,
  t: 'h',
  long: 'x'.repeat(31) + 'y',
  day: '2020-02-04',
  ts: '2020-01-01T00:00:00.124Z',
  ntz: '2020-01-01T00:00:00.124',
  s: { a: 4 },
};
const TOO_LOW = {
  i: 4,
  f: 0.6,
  d: 0.05,
  dec: 1.24,
  t: 'größ',
  long: 'w',
  day: '2020-02-02',
  ts: '2020-01-01T00:00:00.122Z',
  ntz: '2020-01-01T00:00:00.122',
  s: { a: 2 },
};

test.each(Object.keys(TOO_HIGH).filter((name) => name !== 'long'))(
  'a minimum of %s above a value is noticed',
  async (name) => {
    const minValues = { ...TRUE_STATS.minValues, [name]: (TOO_HIGH as Record<string, unknown>)[name] };
    expect(await verify({ ...TRUE_STATS, minValues })).toEqual([
      expect.stringMatching(
        new RegExp(`^${name}(\\.a)? holds 1 values below .+, which contradicts the log$`, 'u'),
      ),
    ]);
  },
);

test.each(Object.keys(TOO_LOW))('a maximum of %s below a value is noticed', async (name) => {
  const maxValues = { ...TRUE_STATS.maxValues, [name]: (TOO_LOW as Record<string, unknown>)[name] };
  expect(await verify({ ...TRUE_STATS, maxValues })).toEqual([
    expect.stringMatching(
      new RegExp(`^${name}(\\.a)? holds 1 values above .+, which contradicts the log$`, 'u'),
    ),
  ]);
});

test('a wrong count of nulls is noticed, nested too, deeply only', async () => {
  const nullCount = { ...TRUE_STATS.nullCount, i: 0, s: { a: 2 }, list: 2 };
  expect(await verify({ ...TRUE_STATS, nullCount })).toEqual([
    'i has 1 nulls, not 0',
    's.a has 1 nulls, not 2',
    'list has 1 nulls, not 2',
  ]);
  expect(await verify({ ...TRUE_STATS, nullCount }, false)).toEqual([]);
});

describe('a bound of one column', () => {
  /** What is said of a file whose only row has this value. */
  async function judge(
    type: DeltaType,
    value: string,
    bounds: { min?: unknown; max?: unknown },
  ): Promise<string[]> {
    const table = await DeltaTable.begin();
    table.protocol().metadata({ c: type, k: 'string' }, { partitionColumns: ['k'] });
    const { min, max } = bounds;
    const stats = { minValues: { c: min, k: 'z' }, maxValues: { c: max, k: 'a' }, nullCount: { k: 7 } };
    await table.addRows('f.parquet', `SELECT ${value} AS c`, { stats, partitionValues: { k: 'm' } });
    await table.commit();
    using db = await openTestDb();
    const snapshot = await readSnapshot(table.store, DeltaTable.FOLDER);
    const [file] = snapshot?.files ?? [];
    if (snapshot === undefined || file === undefined) throw new Error('there is no file');
    return await checkValues(db, table.store, snapshot, file);
  }
  const below = (min: unknown): string[] => [
    `c holds 1 values below ${JSON.stringify(min)}, which contradicts the log`,
  ];
  const above = (max: unknown): string[] => [
    `c holds 1 values above ${JSON.stringify(max)}, which contradicts the log`,
  ];
  const x = (length: number, end = ''): string => 'x'.repeat(length) + end;
  const smile = (length: number): string => '😀'.repeat(length);

  test.each<[DeltaType, string, unknown, boolean]>([
    ['string', `'${x(40)}'`, x(30, 'y'), true],
    ['string', `'${x(40)}'`, x(31, 'y'), false],
    ['string', `'${x(40)}'`, x(40), false],
    ['string', `'${smile(40)}'`, smile(31), false],
    ['string', `'a'`, `b'`, true],
    ['string', `'a'`, 7, false],
    ['long', '5::BIGINT', 2 ** 53 - 1, true],
    // JSON need not have kept it.
    ['long', '5::BIGINT', 2 ** 53, false],
    ['decimal(15,2)', '1::DECIMAL(15,2)', 1.01, true],
    ['decimal(16,2)', '1::DECIMAL(16,2)', 1.01, false],
    ['boolean', 'false', 'true', false],
    ['date', `DATE '2020-01-01'`, 20_200_102, false],
    ['date', `DATE '2020-01-01'`, 'soon', false],
    ['double', `'NaN'::DOUBLE`, 5, false],
    ['double', '4::DOUBLE', 5, true],
    ['timestamp', `TIMESTAMPTZ '2020-01-01 00:00:00+00'`, '2020-01-01T00:00:00.001Z', true],
  ])('of type %j: %s is below %j: %s', async (type, value, min, isBelow) => {
    expect(await judge(type, value, { min })).toEqual(isBelow ? below(min) : []);
  });

  test.each<[DeltaType, string, unknown, boolean]>([
    ['string', `'${x(40)}'`, x(31), true],
    ['string', `'${x(40)}'`, x(32), false],
    ['string', `'${x(40)}'`, x(30, 'w') + x(9), true],
    ['string', `'${smile(40)}'`, smile(32), false],
    ['string', `'${smile(40)}'`, smile(31), true],
    ['string', `'b'`, true, false],
    ['integer', '5', 4, true],
    ['integer', '5', 5, false],
    ['float', `'NaN'::FLOAT`, 1, false],
    ['float', '2::FLOAT', 1, true],
    ['double', `'NaN'::DOUBLE`, 1, false],
    ['double', `'Infinity'::DOUBLE`, 1, true],
    ['timestamp', `TIMESTAMPTZ '2020-01-01 00:00:00.000999+00'`, '2020-01-01T00:00:00.000Z', false],
    ['timestamp', `TIMESTAMPTZ '2020-01-01 00:00:00.001+00'`, '2020-01-01T00:00:00.000Z', true],
    ['binary', `'b'::BLOB`, 'a', false],
  ])('of type %j: %s is above %j: %s', async (type, value, max, isAbove) => {
    expect(await judge(type, value, { max })).toEqual(isAbove ? above(max) : []);
  });
});
