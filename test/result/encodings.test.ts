import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import type { RowBatch, RowBatches } from '../../src/duckdb/result-stream.ts';
import { encodeResult } from '../../src/result/encodings.ts';
import { QUERY_FORMATS, type QueryFormat } from '../../src/result/query-formats.ts';
import { useDuckDb } from '../catalog/query-fixture.ts';

const db = useDuckDb();

/** How the rows of each format are read back: of `id` and `word`. */
const READERS: Readonly<Record<QueryFormat, (bytes: Buffer) => unknown[][]>> = {
  json: (bytes) => (JSON.parse(bytes.toString()) as object[]).map((row) => Object.values(row)),
  ndjson: (bytes) =>
    bytes
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Object.values(JSON.parse(line) as object)),
  csv: (bytes) =>
    bytes
      .toString()
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
      .map(([id, word]) => [Number(id), word]),
  table: (bytes) =>
    Array.from(bytes.toString().matchAll(/^[│|]? *(\d+) +[│|]? *(w\d+)/gmu), ([, id, word]) => [
      Number(id),
      word,
    ]),
  arrow: (bytes) =>
    tableFromIPC(bytes)
      .toArray()
      .map((row: { id: unknown; word: unknown }) => [Number(row.id), row.word]),
};

async function collect(pieces: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(all);
}

/** A result whose batches are counted as they are pulled, and which may fail at one of them. */
async function watched(
  sql: string,
  failAt = Number.POSITIVE_INFINITY,
): Promise<{ readonly batches: RowBatches; readonly pulled: () => number; readonly isEnded: () => boolean }> {
  const result = await db.stream(sql);
  let pulledCount = 0;
  let isEnded = false;
  async function* read(): AsyncGenerator<RowBatch> {
    try {
      for await (const batch of result) {
        if (pulledCount === failAt) throw new Error('the statement failed');
        pulledCount += 1;
        yield batch;
      }
    } finally {
      isEnded = true;
    }
  }
  return {
    batches: { columns: result.columns, [Symbol.asyncIterator]: read },
    pulled: () => pulledCount,
    isEnded: () => isEnded,
  };
}

const SQL = "SELECT i::INTEGER AS id, 'w' || i AS word FROM range(10000) AS r(i)";
const all = { maxRows: 20_000 };

describe.each(QUERY_FORMATS)('the format %s', (format) => {
  test('holds all rows, in their order', async () => {
    const { batches } = await watched(SQL);
    const rows = READERS[format](await collect(encodeResult(format, batches, all)));
    expect(rows).toHaveLength(10_000);
    expect(rows).toEqual(Array.from({ length: 10_000 }, (_, id) => [id, `w${id}`]));
  });

  test('has no rows where the result has none', async () => {
    const { batches } = await watched(`${SQL} WHERE false`);
    const bytes = await collect(encodeResult(format, batches, all));
    expect(READERS[format](bytes)).toEqual([]);
  });

  test('reads nothing before it is pulled, and no more than it gives', async () => {
    const { batches, pulled } = await watched('SELECT i AS id FROM range(500000) AS r(i)');
    const pieces = encodeResult(format, batches, { maxRows: 10 })[Symbol.asyncIterator]();
    expect(pulled()).toBe(0);
    await pieces.next();
    // A table counts all rows below those that it shows.
    if (format !== 'table') expect(pulled()).toBeLessThan(20);
    await pieces.return?.();
    expect(pulled()).toBeLessThan(format === 'table' ? 1000 : 20);
  });

  test('lets the result go where its reader has seen enough', async () => {
    const { batches, isEnded } = await watched('SELECT i AS id FROM range(500000) AS r(i)');
    const pieces = encodeResult(format, batches, { maxRows: 10 })[Symbol.asyncIterator]();
    // The first piece may be the head alone.
    await pieces.next();
    await pieces.next();
    await pieces.return?.();
    expect(isEnded()).toBe(true);
  });

  test('fails as the statement does, and does not look complete', async () => {
    const { batches, isEnded } = await watched(SQL, 3);
    await expect(collect(encodeResult(format, batches, all))).rejects.toThrow('the statement failed');
    expect(isEnded()).toBe(true);
  });
});
