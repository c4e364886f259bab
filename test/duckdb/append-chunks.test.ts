import type { DuckDBAppender } from '@duckdb/node-api';
import { expect, it } from 'vitest';
import { appendChunks } from '../../src/duckdb/append-chunks.ts';
import type { AppendableType, AppendableValue } from '../../src/duckdb/appendable.ts';

/** How many rows each chunk has that rows are handed over in, without and with the one at the end. */
function chunksOf(
  types: readonly AppendableType[],
  rows: readonly (readonly AppendableValue[])[],
): [number[], number[]] {
  const sizes: number[] = [];
  const appender = { appendDataChunk: ({ rowCount }: { rowCount: number }) => sizes.push(rowCount) };
  const writer = appendChunks(appender as unknown as DuckDBAppender, types);
  for (const row of rows) writer.write(row);
  const full = [...sizes];
  writer.handOver();
  writer.handOver();
  return [full, sizes];
}

const times = (count: number, row: readonly AppendableValue[]): (readonly AppendableValue[])[] =>
  Array.from({ length: count }, () => row);

const half = 'x'.repeat(1024 ** 2 / 2);
const numbers = Array.from({ length: 1024 ** 2 / 2 }, () => 0);

it.each<[string, AppendableType[], (readonly AppendableValue[])[], number[], number[]]>([
  ['as many rows as a vector holds', ['BIGINT'], times(5000, [1]), [2048, 2048], [2048, 2048, 904]],
  ['exactly that many', ['BIGINT'], times(2048, [1]), [2048], [2048]],
  ['nothing', ['BIGINT'], [], [], []],
  ['fewer rows of long texts', ['VARCHAR'], times(3, [half]), [2], [2, 1]],
  ['fewer rows of long lists', ['FLOAT[]'], times(5, [numbers]), [2, 2], [2, 2, 1]],
  ['fewer rows of both', ['VARCHAR', 'FLOAT[]'], times(2, [half, numbers]), [1, 1], [1, 1]],
  ['many rows of nothing', ['VARCHAR', 'FLOAT[]'], times(100, [null, null]), [], [100]],
])('hands over %s at once', (_what, types, rows, full, all) => {
  expect(chunksOf(types, rows)).toEqual([full, all]);
});
