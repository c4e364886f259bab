import { expect, test } from 'vitest';
import { chooseShardSize, cutPlan } from '../../src/run/shard-size.ts';

/** DuckDB writes row groups of whole vectors. */
const GROUP = 2048;

const [THUMBNAIL, PHOTO, LARGE] = [1500, 500_000, 9_000_000];

test.each([
  ['a few thumbnails', 100, 1, THUMBNAIL, 128],
  ['a few thumbnails in many copies', 100, 16, THUMBNAIL, 8],
  ['a few photographs', 100, 1, PHOTO, 16],
  ['a few large photographs', 32, 1, LARGE, 1],
  ['more of them', 640, 1, LARGE, 20],
  ['thousands of thumbnails', 8000, 1, THUMBNAIL, 250],
  ['a billion', 1e9, 1, THUMBNAIL, 1000],
  ['originals of no known size', 100, 1, 1, 128],
  ['more copies than a shard has images', 100, 500, THUMBNAIL, 4],
  ['as many rows as fill all shards', 4096, 1, THUMBNAIL, 128],
  ['a row more', 4097, 1, THUMBNAIL, 129],
])(
  '%s are planned in shards that keep cores busy and are worth their cost',
  (_, rows, copies, bytes, size) => {
    expect(chooseShardSize(rows, copies, bytes)).toBe(size);
  },
);

test('a plan of more than 65,536 rows is cut into shards of whole row groups, and parts of whole shards', () => {
  for (const rowCount of [65_537, 70_000, 1_048_577, 20_000_000, 1_000_000_000]) {
    for (const wanted of [1, 2047, 2048, 2049, 5000, 100_000]) {
      const { shardSize, partRowCount, rowGroupSize } = cutPlan(rowCount, wanted);
      expect(shardSize % GROUP).toBe(0);
      expect(shardSize).toBeGreaterThanOrEqual(wanted);
      expect(shardSize - wanted).toBeLessThan(GROUP);
      expect(rowGroupSize).toBe(shardSize);
      expect(partRowCount % shardSize).toBe(0);
      expect(partRowCount).toBeGreaterThan(500_000);
      expect(partRowCount).toBeLessThanOrEqual(1024 ** 2);
    }
  }
  const small = { partRowCount: 65_536, rowGroupSize: 8192, compression: 'snappy' };
  expect(cutPlan(65_536, 3)).toEqual({ shardSize: 3, ...small });
  expect(cutPlan(65_537, 3)).toEqual({
    shardSize: GROUP,
    partRowCount: 1024 ** 2,
    rowGroupSize: GROUP,
    compression: 'zstd',
  });
  expect(cutPlan(65_537, 100_000)).toMatchObject({ shardSize: 49 * GROUP, partRowCount: 10 * 49 * GROUP });
  expect(cutPlan(1e9, chooseShardSize(1e9, 1, 1500)).shardSize).toBe(GROUP);
});
