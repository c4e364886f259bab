import { DuckDBTypeId } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { encodeResult } from '../../src/result/encodings.ts';
import { QUERY_FORMATS } from '../../src/result/query-formats.ts';
import { uniqueNames } from '../../src/duckdb/result-stream.ts';
import { MANY_ROWS, textOf, useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();
/** Long enough that DuckDB's streaming buffer (1 MB) does not hold it all. */
const FAILS_AT_THE_END = `
  SELECT CASE WHEN i = 499999 THEN error('row ' || i || ' is bad') ELSE i END AS i FROM range(500000) AS t(i)`;

describe('rowBatches', () => {
  it('knows the columns before any row is read', async () => {
    const { columns } = await db.stream('SELECT 1 AS a, [true] AS b WHERE false');
    expect(columns.map(({ name, type }) => [name, type.typeId])).toEqual([
      ['a', DuckDBTypeId.INTEGER],
      ['b', DuckDBTypeId.LIST],
    ]);
  });

  it('gives the columns names that differ', async () => {
    const { columns } = await db.stream('SELECT 1 AS a, 2 AS a, 3 AS b');
    expect(columns.map(({ name }) => name)).toEqual(['a', 'a_1', 'b']);
  });

  it('gives every row once and in order, at most 2048 at a time', async () => {
    const ids: unknown[] = [];
    const sizes: number[] = [];
    for await (const batch of await db.stream(MANY_ROWS)) {
      sizes.push(batch.rowCount);
      ids.push(...batch.getRows().map((row) => row[0]));
    }
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);
  });

  it('does not let a statement that fails midway pass for a complete one', async () => {
    const result = await db.stream(FAILS_AT_THE_END);
    let rowCount = 0;
    const read = async (): Promise<void> => {
      for await (const batch of result) rowCount += batch.rowCount;
    };
    const error: unknown = await read().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'SQL_FAILED',
      message: `the query failed or was interrupted after ${rowCount} rows`,
      remedy: expect.stringContaining('Parquet'),
    });
    expect(rowCount).toBeGreaterThan(0);
  });
});

describe('uniqueNames', () => {
  it('gives repeated names the first free suffix and leaves the others alone', () => {
    expect(uniqueNames(['a', 'a', 'a_1', 'b', 'a'])).toEqual(['a', 'a_2', 'a_1', 'b', 'a_3']);
    expect(uniqueNames(['a_1', 'a', 'a', 'a_2'])).toEqual(['a_1', 'a', 'a_3', 'a_2']);
    expect(uniqueNames([])).toEqual([]);
  });
});

describe('encodeResult', () => {
  it.each(QUERY_FORMATS.filter((format) => format !== 'table'))(
    'writes %s while the query is still running, so that a result without end can be cut short',
    async (format) => {
      const result = await db.stream(
        'SELECT i, repeat(chr(65), 100) AS text FROM range(1000000000000) AS t(i)',
      );
      let size = 0;
      for await (const piece of encodeResult(format, result)) {
        size += piece.length;
        if (size > 1_000_000) break;
      }
      expect(size).toBeGreaterThan(1_000_000);
    },
  );

  it.each(QUERY_FORMATS)('passes on to %s that a statement fails midway', async (format) => {
    const result = await db.stream(FAILS_AT_THE_END);
    await expect(textOf(encodeResult(format, result))).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });
});
