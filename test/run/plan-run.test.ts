import { expect, test } from 'vitest';
import { chooseShardSize } from '../../src/run/plan-run.ts';

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
])(
  '%s are planned in shards that keep cores busy and are worth their cost',
  (_, rows, copies, bytes, size) => {
    expect(chooseShardSize(rows, copies, bytes)).toBe(size);
  },
);
