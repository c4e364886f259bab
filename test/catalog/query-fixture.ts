import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll } from 'vitest';
import { type RowBatches, rowBatches } from '../../src/duckdb/result-stream.ts';

/** A DuckDB in memory for the tests of one file. */
export interface QueryFixture {
  run(sql: string): Promise<void>;
  stream(sql: string): Promise<RowBatches>;
  rows(sql: string): Promise<unknown[][]>;
}

/** Opens a DuckDB before the tests of the calling file and closes it after them. */
export function useDuckDb(): QueryFixture {
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    connection = await instance.connect();
    await connection.run(`SET TimeZone = 'UTC'`);
  });
  afterAll(() => {
    connection.closeSync();
    instance.closeSync();
  });
  return {
    async run(sql) {
      await connection.run(sql);
    },
    stream: async (sql) => rowBatches(await connection.stream(sql)),
    async rows(sql) {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowsJS();
    },
  };
}

/** Reads a stream of text to its end. */
export async function textOf(pieces: AsyncIterable<string | Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += String(piece);
  return text;
}

/** Reads a stream of bytes to its end. */
export async function bytesOf(pieces: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}

/** Rows with nulls in every third, over several batches. */
export const MANY_ROWS = `
  SELECT
    i::INTEGER AS id,
    CASE WHEN i % 3 = 0 THEN NULL ELSE 'name ' || i END AS name,
    CASE WHEN i % 3 = 1 THEN NULL ELSE i / 4 END AS score,
    CASE WHEN i % 3 = 2 THEN NULL ELSE [i, NULL, i + 1] END AS neighbours,
    TIMESTAMP '2024-01-01' + INTERVAL 1 MINUTE * i AS taken_at
  FROM range(10000) AS t(i)`;
