import { describe, expect, it } from 'vitest';
import { cellText } from '../../src/result/cell-text.ts';
import { jsonConverter } from '../../src/result/json-value.ts';
import { useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();

async function readOne(sql: string): Promise<{ json: unknown; text: string | null }> {
  const batches = await db.stream(`SELECT ${sql}`);
  for await (const batch of batches) {
    const type = batches.columns[0]?.type;
    const value = batch.getRows()[0]?.[0];
    if (type !== undefined && value !== undefined) {
      return { json: jsonConverter(type)(value), text: cellText(type)(value) };
    }
  }
  throw new Error(`no row: ${sql}`);
}

describe('jsonConverter and cellText', () => {
  it.each<[sql: string, json: unknown, text: string]>([
    ['true', true, 'true'],
    ['(-128)::TINYINT', -128, '-128'],
    ['(-32768)::SMALLINT', -32_768, '-32768'],
    ['255::UTINYINT', 255, '255'],
    ['65535::USMALLINT', 65_535, '65535'],
    ['7::UHUGEINT', 7, '7'],
    [
      '170141183460469231731687303715884105728::BIGNUM',
      '170141183460469231731687303715884105728',
      '170141183460469231731687303715884105728',
    ],
    ['false', false, 'false'],
    ['4294967295::UINTEGER', 4_294_967_295, '4294967295'],
    ['9007199254740991::BIGINT', 9_007_199_254_740_991, '9007199254740991'],
    ['9007199254740993::BIGINT', '9007199254740993', '9007199254740993'],
    ['(-9007199254740993)::BIGINT', '-9007199254740993', '-9007199254740993'],
    ['18446744073709551615::UBIGINT', '18446744073709551615', '18446744073709551615'],
    ['sum(3)', 3, '3'],
    [
      '170141183460469231731687303715884105727::HUGEINT',
      '170141183460469231731687303715884105727',
      '170141183460469231731687303715884105727',
    ],
    ['0.1::FLOAT', 0.1, '0.1'],
    ['16777217::FLOAT', 16_777_216, '16777216'],
    ['0.30000001192092896::FLOAT', 0.3, '0.3'],
    ['0.100000024::FLOAT', 0.100_000_024, '0.100000024'],
    ['16777.217::FLOAT', 16_777.217, '16777.217'],
    ['0.1::DOUBLE + 0.2::DOUBLE', 0.1 + 0.2, '0.30000000000000004'],
    [`'nan'::DOUBLE`, null, 'nan'],
    [`'inf'::FLOAT`, null, 'inf'],
    [`'-inf'::DOUBLE`, null, '-inf'],
    ['12.50::DECIMAL(10, 2)', 12.5, '12.50'],
    ['(-0.05)::DECIMAL(4, 2)', -0.05, '-0.05'],
    ['9999999999999.99::DECIMAL(18, 2)', 9_999_999_999_999.99, '9999999999999.99'],
    ['(-9999999999999.99)::DECIMAL(18, 2)', -9_999_999_999_999.99, '-9999999999999.99'],
    ['10000000000000.00::DECIMAL(18, 2)', '10000000000000.00', '10000000000000.00'],
    ['(-10000000000000.00)::DECIMAL(18, 2)', '-10000000000000.00', '-10000000000000.00'],
    ['10000000000000.01::DECIMAL(18, 2)', '10000000000000.01', '10000000000000.01'],
    [`'Größe "x"'`, 'Größe "x"', 'Größe "x"'],
    [`''`, '', ''],
    [`DATE '2024-02-29'`, '2024-02-29', '2024-02-29'],
    [`DATE '0001-01-01'`, '0001-01-01', '0001-01-01'],
    [`DATE 'infinity'`, 'infinity', 'infinity'],
    [`DATE '-infinity'`, '-infinity', '-infinity'],
    [`DATE '300000-01-01'`, '300000-01-01', '300000-01-01'],
    [`TIMESTAMP '2024-02-29 12:30:00'`, '2024-02-29T12:30:00', '2024-02-29T12:30:00'],
    [`TIMESTAMP '1969-12-31 23:59:59.999999'`, '1969-12-31T23:59:59.999999', '1969-12-31T23:59:59.999999'],
    [`TIMESTAMP '-infinity'`, '-infinity', '-infinity'],
    [`TIMESTAMPTZ '2024-02-29 12:30:00.5+02'`, '2024-02-29T10:30:00.5Z', '2024-02-29T10:30:00.5Z'],
    [`'2024-02-29 12:30:01'::TIMESTAMP_S`, '2024-02-29T12:30:01', '2024-02-29T12:30:01'],
    [`'2024-02-29 12:30:01.250'::TIMESTAMP_MS`, '2024-02-29T12:30:01.25', '2024-02-29T12:30:01.25'],
    [
      `'2024-02-29 12:30:01.123456789'::TIMESTAMP_NS`,
      '2024-02-29T12:30:01.123456789',
      '2024-02-29T12:30:01.123456789',
    ],
    [`TIME '12:30:01.5'`, '12:30:01.5', '12:30:01.5'],
    [`INTERVAL '1 year 2 days'`, '1 year 2 days', '1 year 2 days'],
    [`'\\x00\\xFF'::BLOB`, 'AP8=', 'AP8='],
    [`'POINT (1 2)'::GEOMETRY`, 'AQEAAAAAAAAAAADwPwAAAAAAAABA', 'AQEAAAAAAAAAAADwPwAAAAAAAABA'],
    [`'12:30:01'::TIME_NS`, '12:30:01', '12:30:01'],
    [`'a'::ENUM ('a', 'b')`, 'a', 'a'],
    [
      `'c4ca4238-a0b9-2382-0dcc-509a6f75849b'::UUID`,
      'c4ca4238-a0b9-2382-0dcc-509a6f75849b',
      'c4ca4238-a0b9-2382-0dcc-509a6f75849b',
    ],
    [`'1010'::BIT`, '1010', '1010'],
    ['[1, NULL, 3]', [1, null, 3], '[1,null,3]'],
    ['[0.1, 0.2]::FLOAT[2]', [0.1, 0.2], '[0.1,0.2]'],
    [
      `{'box': {'x': 1}, 'day': DATE '2024-01-01'}`,
      { box: { x: 1 }, day: '2024-01-01' },
      '{"box":{"x":1},"day":"2024-01-01"}',
    ],
    [`MAP {'a': 1, 'b': NULL}`, { a: 1, b: null }, '{"a":1,"b":null}'],
    [`MAP {1: 'a'}`, { 1: 'a' }, '{"1":"a"}'],
    ['union_value(num := 9007199254740993)', { num: '9007199254740993' }, '{"num":"9007199254740993"}'],
    [`union_value(num := NULL::INTEGER)`, { num: null }, '{"num":null}'],
    [`MAP {[1, 2]: [3]}`, { '[1,2]': [3] }, '{"[1,2]":[3]}'],
    [`{'a': NULL::INTEGER, 'b': {'c': 2}}`, { a: null, b: { c: 2 } }, '{"a":null,"b":{"c":2}}'],
    ['1::VARIANT', 1, '1'],
    [`'text'::VARIANT`, 'text', 'text'],
    [`{'a': 1}::VARIANT`, { a: 1 }, '{"a":1}'],
  ])('%s', async (sql, json, text) => {
    expect(await readOne(sql)).toEqual({ json, text });
  });

  it.each([
    'INTEGER',
    'VARCHAR',
    'DECIMAL(4, 2)',
    'DOUBLE',
    'TIMESTAMP',
    'BLOB',
    'DATE',
    'VARIANT',
    'MAP(VARCHAR, INTEGER)',
    'INTEGER[2]',
    'INTEGER[]',
    'STRUCT(a INTEGER)',
    'UNION(a INTEGER)',
  ])('NULL of type %s', async (type) => {
    expect(await readOne(`NULL::${type}`)).toEqual({ json: null, text: null });
  });
});
