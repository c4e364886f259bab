import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

let lake: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  lake = join(folder, 'lake');
  await pixlakeJson(lake, 'sample', join(folder, 'catalogue'), '--rows', '120');
  await pixlakeJson(lake, 'ingest', join(folder, 'catalogue'));
  const run = ['run', '--sql', "SELECT * FROM images WHERE image_status = 'ok'", '--size', '80'];
  await pixlakeJson(lake, ...run, '--name', 'once', '--model', 'fashion-tiny');
  await pixlakeJson(lake, ...run, '--name', 'plain', '--limit', '2');
  return () => rm(folder, { recursive: true });
});

interface Similar {
  readonly image_id: string;
  readonly distance: number;
  readonly subCategory: string;
}

test('the default model predicts what the sample draws, as columns that SQL can use', async () => {
  const [row] = await pixlakeJson<{ right: number; size: number; rows: number }[]>(
    lake,
    'query',
    `SELECT avg(CAST(pred_masterCategory = masterCategory AS INTEGER)) AS right, count(*)::INTEGER AS rows,
      min(len(pred_embedding))::INTEGER AS size FROM runs.once`,
  );
  expect(row?.size).toBe(320);
  expect(row?.rows).toBeGreaterThan(100);
  expect(row?.right).toBeGreaterThan(0.9);
});

test('the images most like one come first, by a run or the table it read', async () => {
  const [shirt] = await pixlakeJson<{ id: number }[]>(
    lake,
    'query',
    `SELECT id FROM runs.once WHERE subCategory = 'Topwear' ORDER BY id LIMIT 1`,
  );
  const id = String(shirt?.id);
  const found = await pixlakeJson<Similar[]>(lake, 'similar', 'once', id, '-k', '5');
  expect(found).toHaveLength(5);
  expect(found.map(({ image_id: other }) => other)).not.toContain(id);
  const distances = found.map(({ distance }) => distance);
  expect(distances).toEqual(distances.toSorted((a, b) => a - b));
  expect(found.filter(({ subCategory }) => subCategory === 'Topwear').length).toBeGreaterThanOrEqual(4);
  expect(await pixlakeJson(lake, 'similar', 'images', id, '-k', '5')).toEqual(found);
  expect((await pixlake(lake, 'similar', 'once', id)).stdout).toContain('distance');
});

test('what cannot be compared is explained', async () => {
  const plain = await pixlake(lake, 'similar', 'plain', '1');
  expect(plain).toMatchObject({ code: 3, stderr: expect.stringContaining('[TABLE_NOT_FOUND]') });
  expect(plain.stderr).toContain('--model fashion-tiny');
  expect(await pixlake(lake, 'similar', 'once', 'no such id')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('[IMAGE_MISSING]'),
  });
});

test('a card that does not fit its model fails before there is a run', async () => {
  const run = ['run', '--name', 'gone', '--sql', 'SELECT * FROM images', '--model', 'no-such-model'];
  expect(await pixlake(lake, ...run)).toMatchObject({ stderr: expect.stringContaining('[MODEL_NOT_FOUND]') });
  const cuda = await pixlake(lake, ...run.slice(0, -1), 'fashion-tiny', '--device', 'cuda');
  // Where CUDA is installed it works.
  if (cuda.code !== 0) expect(cuda.stderr).toContain('[DEVICE_UNAVAILABLE]');
});
