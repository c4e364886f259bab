import { expect, test } from 'vitest';
import type { RowBatches } from '../../src/duckdb/result-stream.ts';
import { encodeRows } from '../../src/result/encode-rows.ts';

/** Batches whose rows hold one number each, and the number of rows read so far. */
function batchesOf(...batches: readonly (readonly number[])[]): RowBatches {
  async function* read(): AsyncGenerator<{ getRows: () => number[][] }> {
    for (const rows of batches) yield { getRows: () => rows.map((row) => [row]) };
  }
  return { columns: [], [Symbol.asyncIterator]: read } as unknown as RowBatches;
}

async function piecesOf(batches: RowBatches): Promise<string[]> {
  const pieces: string[] = [];
  const write = ([length]: readonly unknown[]): string => 'x'.repeat(Number(length));
  for await (const piece of encodeRows(batches, write)) pieces.push(piece);
  return pieces;
}

test('rows are passed on batch by batch, and not where there is no text', async () => {
  expect(await piecesOf(batchesOf([1, 2], [], [0], [3]))).toEqual(['xxx', 'xxx']);
});

test('long rows are passed on within a batch', async () => {
  const pieces = await piecesOf(batchesOf([65_535, 1, 65_536, 1, 65_535, 2], [65_536]));
  expect(pieces.map(({ length }) => length)).toEqual([65_536, 65_536, 65_536, 2, 65_536]);
});
