import { describe, expect, it } from 'vitest';
import { deltaTypeNamed, deltaTypeOf, duckDbTypeOf, type SqlTypeName } from '../../src/duckdb/column-type.ts';
import { type DeltaType, deltaArray, deltaField } from '../../src/table/delta-schema.ts';
import { useDuckDb } from '../catalog/query-fixture.ts';

const duckDb = useDuckDb();

async function deltaTypeOfSql(sql: string): Promise<DeltaType> {
  const { columns } = await duckDb.stream(`SELECT ${sql} AS x`);
  const [column] = columns;
  if (column === undefined) throw new Error('no column');
  return deltaTypeOf(column.type);
}

/** Each type with a value of it, the Delta type it is stored as, and the value as a text once it is. */
const CASES: readonly (readonly [string, DeltaType, string])[] = [
  ['true::BOOLEAN', 'boolean', 'true'],
  ['(-128)::TINYINT', 'byte', '-128'],
  ['(-32768)::SMALLINT', 'short', '-32768'],
  ['255::UTINYINT', 'short', '255'],
  ['(-2147483648)::INTEGER', 'integer', '-2147483648'],
  ['65535::USMALLINT', 'integer', '65535'],
  ['(-9223372036854775808)::BIGINT', 'long', '-9223372036854775808'],
  ['4294967295::UINTEGER', 'long', '4294967295'],
  ['18446744073709551615::UBIGINT', 'decimal(20,0)', '18446744073709551615'],
  [
    '99999999999999999999999999999999999999::HUGEINT',
    'decimal(38,0)',
    '99999999999999999999999999999999999999',
  ],
  ['340282366920938463463374607431768211455::UHUGEINT', 'string', '340282366920938463463374607431768211455'],
  ['0.1::FLOAT', 'float', '0.1'],
  ['0.1::DOUBLE', 'double', '0.1'],
  ['12.345::DECIMAL(18,3)', 'decimal(18,3)', '12.345'],
  ['1::DECIMAL(38,0)', 'decimal(38,0)', '1'],
  [`'日本'::VARCHAR`, 'string', '日本'],
  [String.raw`'\x00\xFF'::BLOB`, 'binary', String.raw`\x00\xFF`],
  [`'0101'::BIT`, 'string', '0101'],
  [`'{"a": 1}'::JSON`, 'string', '{"a": 1}'],
  [`'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'::UUID`, 'string', 'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'],
  [`'b'::ENUM('a', 'b')`, 'string', 'b'],
  [`'${'1234567890'.repeat(5)}'::BIGNUM`, 'string', '1234567890'.repeat(5)],
  [`DATE '2012-02-29'`, 'date', '2012-02-29'],
  [`TIME '12:34:56.789'`, 'string', '12:34:56.789'],
  [`TIMETZ '12:34:56+02'`, 'string', '12:34:56+02'],
  [`TIMESTAMP '2012-02-29 12:34:56.789'`, 'timestamp', '2012-02-29 12:34:56.789+00'],
  [`TIMESTAMP_S '2012-02-29 12:34:56'`, 'timestamp', '2012-02-29 12:34:56+00'],
  [`TIMESTAMP_MS '2012-02-29 12:34:56.789'`, 'timestamp', '2012-02-29 12:34:56.789+00'],
  [`TIMESTAMP_NS '2012-02-29 12:34:56.789'`, 'timestamp', '2012-02-29 12:34:56.789+00'],
  [`TIMESTAMPTZ '2012-02-29 12:34:56+02'`, 'timestamp', '2012-02-29 10:34:56+00'],
  [`INTERVAL '3 days'`, 'string', '3 days'],
  ['[1, NULL]::INTEGER[]', deltaArray('integer'), '[1, NULL]'],
  ['[1, 2, 3]::TINYINT[3]', deltaArray('byte'), '[1, 2, 3]'],
  ['[[1], []]::BIGINT[][2]', deltaArray(deltaArray('long')), '[[1], []]'],
  [
    `{'a': 1, 'b "c"': ['x']}::STRUCT(a UINTEGER, "b ""c""" VARCHAR[])`,
    { type: 'struct', fields: [deltaField('a', 'long'), deltaField('b "c"', deltaArray('string'))] },
    `{'a': 1, 'b "c"': [x]}`,
  ],
  [
    `[{'a': 1}]::STRUCT(a UBIGINT)[]`,
    deltaArray({ type: 'struct', fields: [deltaField('a', 'decimal(20,0)')] }),
    `[{'a': 1}]`,
  ],
  [
    `MAP {'a': 1}`,
    { type: 'map', keyType: 'string', valueType: 'integer', valueContainsNull: true },
    '{a=1}',
  ],
  [`union_value(n := 7)::UNION(n INTEGER, s VARCHAR)`, 'string', '7'],
];

describe('a column of DuckDB', () => {
  it.each(CASES)('%s is stored as %j', async (sql, deltaType) => {
    expect(await deltaTypeOfSql(sql)).toEqual(deltaType);
  });

  it.each(CASES)('%s keeps its value when it is stored', async (sql, deltaType, text) => {
    const rows = await duckDb.rows(
      `SELECT (x::${duckDbTypeOf(deltaType)})::VARCHAR FROM (SELECT ${sql} AS x)`,
    );
    expect(rows).toEqual([[text]]);
  });

  it('may be of any type that this DuckDB has', async () => {
    const names = (await duckDb.rows(
      `SELECT DISTINCT logical_type FROM duckdb_types() WHERE schema_name = 'main' ORDER BY ALL`,
    )) as [string][];
    // Those that need arguments have cases of their own; TYPE is that of a type, which no table can hold.
    const others = new Set(['ARRAY', 'ENUM', 'LIST', 'MAP', 'STRUCT', 'UNION', 'TYPE']);
    const simple = names.map(([name]) => name).filter((name) => !others.has(name));
    expect(simple.length).toBeGreaterThan(20);
    for (const name of simple) {
      const value = `NULL::${name === 'NULL' ? '"NULL"' : name}`;
      const target = duckDbTypeOf(await deltaTypeOfSql(value));
      const rows = await duckDb.rows(`SELECT x::${target} FROM (SELECT ${value} AS x)`);
      expect(rows, `${name} as ${target}`).toEqual([[null]]);
    }
  });

  it('is stored as a type that it has again when it is read', async () => {
    for (const [sql] of CASES) {
      const stored = await deltaTypeOfSql(sql);
      expect(await deltaTypeOfSql(`NULL::${duckDbTypeOf(stored)}`), sql).toEqual(stored);
    }
  });
});

describe('a column of a Delta table', () => {
  it.each<[DeltaType, string]>([
    ['byte', 'TINYINT'],
    ['short', 'SMALLINT'],
    ['integer', 'INTEGER'],
    ['long', 'BIGINT'],
    ['float', 'FLOAT'],
    ['double', 'DOUBLE'],
    ['boolean', 'BOOLEAN'],
    ['string', 'VARCHAR'],
    ['binary', 'BLOB'],
    ['date', 'DATE'],
    ['timestamp', 'TIMESTAMP WITH TIME ZONE'],
    ['timestamp_ntz', 'TIMESTAMP'],
    ['void', '"NULL"'],
    ['decimal(10,2)', 'DECIMAL(10,2)'],
    [deltaArray(deltaArray('string')), 'VARCHAR[][]'],
    [
      { type: 'map', keyType: 'string', valueType: deltaArray('long'), valueContainsNull: true },
      'MAP(VARCHAR, BIGINT[])',
    ],
    [
      { type: 'struct', fields: [deltaField('a "b"', 'long'), deltaField('select', 'date')] },
      'STRUCT("a ""b""" BIGINT, "select" DATE)',
    ],
  ])('%j is read as %s', async (type, sql) => {
    expect(duckDbTypeOf(type)).toBe(sql);
    expect(await duckDb.rows(`SELECT NULL::${sql}`)).toEqual([[null]]);
  });
});

it.each<[SqlTypeName, DeltaType]>([
  ['BIGINT', 'long'],
  ['INTEGER', 'integer'],
  ['DOUBLE', 'double'],
  ['FLOAT', 'float'],
  ['BOOLEAN', 'boolean'],
  ['VARCHAR', 'string'],
  ['VARCHAR[]', deltaArray('string')],
  ['FLOAT[]', deltaArray('float')],
])('a column of pixlake of the type %s is stored as %j', (name, type) => {
  expect(deltaTypeNamed(name)).toEqual(type);
  expect(duckDbTypeOf(type)).toBe(name);
});
