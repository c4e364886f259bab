import { type Table, Type, tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { encodeResult } from '../../src/result/encodings.ts';
import { bytesOf, MANY_ROWS, useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();

async function arrowTable(sql: string): Promise<Table> {
  return tableFromIPC(await bytesOf(encodeResult('arrow', await db.stream(sql))));
}

/** A value of arrow.js as plain JavaScript, so that it can be compared. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'null',
  );
}

describe('arrow', () => {
  it.each<[sql: string, type: string, value: unknown]>([
    ['true', 'Bool', true],
    ['(-128)::TINYINT', 'Int8', -128],
    ['(-32768)::SMALLINT', 'Int16', -32_768],
    ['(-2147483648)::INTEGER', 'Int32', -2_147_483_648],
    ['(-9223372036854775808)::BIGINT', 'Int64', '-9223372036854775808n'],
    ['255::UTINYINT', 'Uint8', 255],
    ['65535::USMALLINT', 'Uint16', 65_535],
    ['4294967295::UINTEGER', 'Uint32', 4_294_967_295],
    ['18446744073709551615::UBIGINT', 'Uint64', '18446744073709551615n'],
    ['0.5::FLOAT', 'Float32', 0.5],
    ['0.1::DOUBLE', 'Float64', 0.1],
    [`'Größe 日本'`, 'Utf8', 'Größe 日本'],
    [`''`, 'Utf8', ''],
    [`'a'::ENUM ('a', 'b')`, 'Utf8', 'a'],
    [`'c4ca4238-a0b9-2382-0dcc-509a6f75849b'::UUID`, 'Utf8', 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'],
    [`INTERVAL '2 days'`, 'Utf8', '2 days'],
    ['340282366920938463463374607431768211455::UHUGEINT', 'Utf8', '340282366920938463463374607431768211455'],
    ['union_value(num := 3)', 'Utf8', '{"num":3}'],
    ['[1, NULL, 3]', 'List<Int32>', [1, null, 3]],
    [`[['a'], NULL, []]`, 'List<List<Utf8>>', [['a'], null, []]],
    ['[0.5, NULL]::FLOAT[2]', 'FixedSizeList[2]<Float32>', [0.5, null]],
    [
      `{'x': 1, 'y': {'z': NULL::VARCHAR}}`,
      'Struct<{x:Int32, y:Struct<{z:Utf8}>}>',
      { x: 1, y: { z: null } },
    ],
    [`[{'x': 1}, NULL]`, 'List<Struct<{x:Int32}>>', [{ x: 1 }, null]],
    [`MAP {'a': 1, 'b': NULL}`, 'Map<{key:Utf8, value:Int32}>', { a: 1, b: null }],
  ])('writes %s as %s', async (sql, type, value) => {
    const table = await arrowTable(`SELECT v FROM (VALUES (${sql}), (NULL), (${sql})) AS t(v)`);
    const column = table.getChild('v');
    expect(String(column?.type)).toBe(type);
    expect(column?.nullCount).toBe(1);
    expect([...(column ?? [])].map(plain)).toEqual([value, null, value]);
  });

  it.each<[sql: string, type: string, ticks: bigint]>([
    [`DATE '1969-12-31'`, 'Date32<DAY>', -1n],
    [`TIME '00:00:01.5'`, 'Time64<MICROSECOND>', 1_500_000n],
    [`TIMESTAMP '1970-01-01 00:00:01.000001'`, 'Timestamp<MICROSECOND>', 1_000_001n],
    [`TIMESTAMPTZ '1970-01-01 01:00:00.5+01'`, 'Timestamp<MICROSECOND, UTC>', 500_000n],
    [`'1970-01-01 00:01:00'::TIMESTAMP_S`, 'Timestamp<SECOND>', 60n],
    [`'1969-12-31 23:59:59.999'::TIMESTAMP_MS`, 'Timestamp<MILLISECOND>', -1n],
    [`'1970-01-01 00:00:00.000000001'::TIMESTAMP_NS`, 'Timestamp<NANOSECOND>', 1n],
  ])('writes %s as %s', async (sql, type, ticks) => {
    const column = (await arrowTable(`SELECT ${sql} AS v`)).getChild('v');
    expect(String(column?.type)).toBe(type);
    expect(BigInt(column?.data[0]?.values[0] ?? 0)).toBe(ticks);
  });

  it.each<[sql: string, precision: number, scale: number, unscaled: bigint]>([
    ['12.50::DECIMAL(10, 2)', 10, 2, 1250n],
    ['(-0.01)::DECIMAL(4, 2)', 4, 2, -1n],
    [
      '(-12345678901234567890123456789012345678)::DECIMAL(38, 0)',
      38,
      0,
      -12_345_678_901_234_567_890_123_456_789_012_345_678n,
    ],
    ['sum(i) FROM range(4) AS t(i)', 38, 0, 6n],
    ['(-170141183460469231731687303715884105728)::HUGEINT', 38, 0, -(2n ** 127n)],
  ])('writes %s as a decimal', async (sql, precision, scale, unscaled) => {
    const column = (await arrowTable(`SELECT ${sql}`)).getChildAt(0);
    const type: unknown = column?.type;
    expect(type).toMatchObject({ typeId: Type.Decimal, precision, scale, bitWidth: 128 });
    const words = Array.from(column?.data[0]?.values ?? [], BigInt);
    expect(
      BigInt.asIntN(
        128,
        words.reduceRight((whole, word) => (whole << 32n) | word, 0n),
      ),
    ).toBe(unscaled);
  });

  it('writes bytes as they are', async () => {
    const column = (
      await arrowTable(`SELECT * FROM (VALUES ('\\x00\\xFF'::BLOB), (NULL), (''::BLOB)) AS t(v)`)
    ).getChild('v');
    expect(String(column?.type)).toBe('Binary');
    expect([...(column ?? [])]).toEqual([Uint8Array.of(0, 255), null, new Uint8Array(0)]);
  });

  it('writes shapes as WKB', async () => {
    const column = (await arrowTable(`SELECT 'POINT (1 2)'::GEOMETRY`)).getChildAt(0);
    expect(String(column?.type)).toBe('Binary');
    expect(Buffer.from((column?.get(0) ?? []) as Uint8Array).toString('base64')).toBe(
      'AQEAAAAAAAAAAADwPwAAAAAAAABA',
    );
  });

  it('has a record batch a chunk that holds the same rows as DuckDB', async () => {
    const table = await arrowTable(
      `SELECT * REPLACE (neighbours::INTEGER[] AS neighbours) FROM (${MANY_ROWS})`,
    );
    expect(table.numRows).toBe(10_000);
    expect(table.batches.length).toBeGreaterThan(1);
    const expected = await db.rows(
      `SELECT * REPLACE (epoch_ms(taken_at)::DOUBLE AS taken_at, neighbours::INTEGER[] AS neighbours) FROM (${MANY_ROWS})`,
    );
    const columns = table.schema.fields.map(({ name }) => [...(table.getChild(name) ?? [])]);
    const rows = expected.map((_, row) => columns.map((column) => plain(column[row])));
    expect(rows).toEqual(expected);
  });

  it('has a schema also where there are no rows, and a name for every column', async () => {
    const table = await arrowTable('SELECT 1 AS a, 2 AS a WHERE false');
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(String)).toEqual(['a: Int32', 'a_1: Int32']);
  });
});
