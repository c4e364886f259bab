import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReturnedStatistics, stringifyFileStats, toFileStats } from '../../src/duckdb/file-stats.ts';
import { quoteName } from '../../src/sql/sql-text.ts';
import { type DeltaType, deltaArray } from '../../src/table/delta-schema.ts';
import { literal, schemaOf, statsOf, useTables, valuesOf } from './table-fixture.ts';

const tables = useTables();

describe('what DuckDB returns of a column becomes bounds', () => {
  const boundsOf = (type: DeltaType, found: Readonly<Record<string, string>>): unknown => {
    const value = Object.entries(found).map(([key, text]) => ({ key, value: text }));
    const { minValues, maxValues, nullCount } = toFileStats(schemaOf({ a: type }), 3, [
      { key: '"a"', value },
    ]);
    return [minValues['a'], maxValues['a'], nullCount['a']];
  };

  it.each<[DeltaType, string, string, unknown, unknown]>([
    ['long', '-5', '7', -5, 7],
    ['long', '-9007199254740991', '9007199254740991', -9_007_199_254_740_991, 9_007_199_254_740_991],
    ['long', '1', '9007199254740993', undefined, undefined],
    ['long', '-9007199254740993', '1', undefined, undefined],
    ['byte', '1', '2', 1, 2],
    ['double', '0.0', '0.5', -0, 0.5],
    ['double', '-0.5', '-0.0', -0.5, 0],
    ['float', '0.0', '0.0', -0, 0],
    ['double', '-inf', '1', undefined, undefined],
    ['double', '1', 'inf', undefined, undefined],
    ['date', '2020-01-01', '2020-12-31', '2020-01-01', '2020-12-31'],
    ['date', '12020-01-01', '2020-12-31', undefined, undefined],
    ['date', '2020-01-01', '2020-12-31 (BC)', undefined, undefined],
    [
      'timestamp',
      '2020-01-01 00:00:00.123+00',
      '2020-01-01 00:00:00.5+00',
      '2020-01-01T00:00:00.123Z',
      '2020-01-01T00:00:00.500Z',
    ],
    [
      'timestamp',
      '2020-01-01 00:00:00.123999+00',
      '2020-01-01 00:00:00.123001+00',
      '2020-01-01T00:00:00.123Z',
      '2020-01-01T00:00:00.124Z',
    ],
    [
      'timestamp',
      '2020-01-01 00:00:00+00',
      '2020-01-01 00:00:00.123000+00',
      '2020-01-01T00:00:00.000Z',
      '2020-01-01T00:00:00.123Z',
    ],
    [
      'timestamp_ntz',
      '2020-01-01 00:00:00',
      '2020-01-01 00:00:00.9999',
      '2020-01-01T00:00:00.000',
      '2020-01-01T00:00:01.000',
    ],
    ['timestamp', 'infinity', 'infinity', undefined, undefined],
    ['string', 'a', 'b', 'a', 'b'],
    ['string', 'a\uFFFD', 'b', undefined, undefined],
    ['string', 'a', 'b\uFFFD', undefined, undefined],
    ['decimal(15,2)', '-1234567890123.45', '9999999999999.99', -1_234_567_890_123.45, 9_999_999_999_999.99],
    ['decimal(16,2)', '1.00', '12345678901234.56', undefined, undefined],
    ['boolean', 'false', 'true', undefined, undefined],
    ['binary', 'a', 'b', undefined, undefined],
    [deltaArray('long'), '1', '2', undefined, undefined],
    [{ type: 'struct', fields: [] }, '1', '2', undefined, undefined],
  ])('of type %j from %s to %s: %j and %j', (type, min, max, low, high) => {
    expect(boundsOf(type, { min, max, null_count: '2' })).toEqual([low, high, 2]);
  });

  it('only if both are known and none is NaN', () => {
    expect(boundsOf('long', { min: '1', null_count: '0' })).toEqual([undefined, undefined, 0]);
    expect(boundsOf('long', { max: '1' })).toEqual([undefined, undefined, undefined]);
    expect(boundsOf('double', { min: '1', max: '2', has_nan: 'true' })).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(boundsOf('double', { min: '1', max: '2', has_nan: 'false' })).toEqual([1, 2, undefined]);
    expect(boundsOf('long', {})).toEqual([undefined, undefined, undefined]);
  });

  it('of the columns that it tells of, as JSON that keeps negative zero', () => {
    const column = (name: string, min: string): ReturnedStatistics[number] => ({
      key: `"${name}"`,
      value: [
        { key: 'min', value: min },
        { key: 'max', value: '5' },
        { key: 'null_count', value: '0' },
      ],
    });
    const schema = schemaOf({ a: 'double', b: 'string', c: 'long', none: 'long' });
    const stats = toFileStats(schema, 7, [
      column('a', '0'),
      column('b', '"'),
      column('c', '0'),
      column('other', '1'),
    ]);
    expect(stringifyFileStats(stats)).toBe(
      String.raw`{"numRecords":7,"maxValues":{"a":5,"b":"5","c":5},"nullCount":{"a":0,"b":0,"c":0},"minValues":{"a":-0.0,"b":"\"","c":0}}`,
    );
    expect(stringifyFileStats(toFileStats(schema, 0, []))).toBe(
      '{"numRecords":0,"maxValues":{},"nullCount":{},"minValues":{}}',
    );
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
    moment: ['timestamp', 'TIMESTAMPTZ'],
    price: ['decimal(10,2)', 'DECIMAL(10,2)'],
    wide: ['decimal(38,0)', 'DECIMAL(38,0)'],
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
  // In microseconds, which bounds have not.
  const moments = fc
    .tuple(
      fc.date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
      fc.nat(999),
    )
    .map(([time, micros]) => time.toISOString().replace('Z', `${String(micros).padStart(3, '0')}+00`));
  const prices = fc.integer({ min: -999_999, max: 999_999 }).map((cents) => (cents / 100).toFixed(2));
  const wides = fc
    .oneof(fc.bigInt({ min: -9n, max: 9n }), fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }))
    .map(String);
  const row = fc.tuple(
    nullable(wholes),
    nullable(reals),
    nullable(singles),
    nullable(texts),
    nullable(days),
    nullable(fc.boolean()),
    nullable(moments),
    nullable(prices),
    nullable(wides),
  );

  it('count rows and nulls exactly, and their bounds hold for every row', async () => {
    const types = Object.values(columns).map(([, type]) => type);
    const boundedCounts = Object.fromEntries(names.map((name) => [name, 0]));
    expect(names).toHaveLength(9);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        const literals = rows.map((values) =>
          values.map((value, index) =>
            literal(Object.is(value, -0) ? '-0.0' : value, types[index] ?? 'VARCHAR'),
          ),
        );
        const query = valuesOf(literals, names);
        const { added } = await tables.writeTable(query, schema);
        const stats = statsOf(added[0]);
        expect(stats.numRecords).toBe(rows.length);
        for (const [index, name] of names.entries()) {
          expect(stats.nullCount?.[name], name).toBe(rows.filter((values) => values[index] === null).length);
          const [min, max] = [stats.minValues?.[name], stats.maxValues?.[name]];
          expect(min === undefined).toBe(max === undefined);
          if (min === undefined || max === undefined) continue;
          boundedCounts[name] = (boundedCounts[name] ?? 0) + 1;
          const [low, high] = [min, max].map((bound) =>
            literal(bound as string | number, types[index] ?? ''),
          );
          const outside = await tables.db.rows(
            `FROM (${query}) WHERE NOT (${quoteName(name)} BETWEEN ${low ?? ''} AND ${high ?? ''})`,
          );
          expect(outside, `${name} outside ${low} to ${high}`).toEqual([]);
        }
      }),
      { seed: 43, numRuns: 40 },
    );
    // Values that JSON cannot hold are drawn often, and a file with one of them has no bounds for its column.
    const { flag, ...others } = boundedCounts;
    expect(flag).toBe(0);
    expect(Math.min(...Object.values(others))).toBeGreaterThanOrEqual(3);
  });

  it('are the very smallest and largest values of ordinary columns', async () => {
    const query = `SELECT * FROM (VALUES
      (3::BIGINT, -0.25::DOUBLE, 1.5::FLOAT, 'Shoe', DATE '2020-02-29', true,
        TIMESTAMPTZ '2020-01-01 00:00:00.123456+00', 12.34::DECIMAL(10,2), 10000000000000000::DECIMAL(38,0)),
      (-7, 1e10, NULL, 'Bag', DATE '1999-12-31', NULL, TIMESTAMPTZ '2020-01-01 00:00:00.123456+00', -0.01, 1)) AS v(${names.join(', ')})`;
    const { added } = await tables.writeTable(query, schema);
    expect(statsOf(added[0])).toEqual({
      numRecords: 2,
      // A decimal of more digits than a double keeps has no bounds, and a time is cut towards the outside.
      minValues: {
        whole: -7,
        real: -0.25,
        single: 1.5,
        text: 'Bag',
        day: '1999-12-31',
        moment: '2020-01-01T00:00:00.123Z',
        price: -0.01,
      },
      maxValues: {
        whole: 3,
        real: 1e10,
        single: 1.5,
        text: 'Shoe',
        day: '2020-02-29',
        moment: '2020-01-01T00:00:00.124Z',
        price: 12.34,
      },
      nullCount: { whole: 0, real: 0, single: 1, text: 0, day: 0, flag: 1, moment: 0, price: 0, wide: 0 },
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
    const { added } = await tables.writeTable(`SELECT ${others.join(', ')}`, schema);
    const stats = statsOf(added[0]);
    expect(stats.minValues).not.toHaveProperty(name);
    expect(stats.maxValues).not.toHaveProperty(name);
    expect(stats.nullCount?.[name]).toBe(0);
  });

  it('are short for long texts, and still close', async () => {
    const { added } = await tables.writeTable(
      `SELECT '${'x'.repeat(100)}' AS text`,
      schemaOf({ text: 'string' }),
    );
    expect(statsOf(added[0])).toMatchObject({
      minValues: { text: 'x'.repeat(32) },
      maxValues: { text: `${'x'.repeat(31)}y` },
    });
  });

  it('put negative zero below zero, as readers that order them need it', async () => {
    const { added } = await tables.writeTable(
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
    const { added } = await tables.writeTable(
      `SELECT 1::BIGINT AS "a ""b""", 'x' AS "c.d", 2::BIGINT AS "É"`,
      odd,
    );
    expect(statsOf(added[0]).minValues).toEqual({ 'a "b"': 1, 'c.d': 'x', É: 2 });
  });

  it('are those of each file, without the partition columns that it does not hold', async () => {
    const { added } = await tables.writeTable(
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
