import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { TOY_MODEL, TOY_OUTPUT, writeModel } from '../model/toy-model.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

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

test('a card that does not fit its model, or a model that is not there: each fails before there is a run', async () => {
  const { onnxPath } = await writeModel(await makeTestFolder(), TOY_MODEL, {
    outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b', 'c'] }],
  });
  const run = ['run', '--name', 'gone', '--sql', 'SELECT * FROM images', '--model'];
  const misfit = await pixlake(lake, ...run, onnxPath);
  expect(misfit.stderr).toContain('[MODEL_MISMATCH]');
  expect(misfit.stderr).toContain('output "scores" has shape [batch, 6], but the card states [any, 3]');
  expect((await pixlake(lake, ...run, 'no-such-model')).stderr).toContain('[MODEL_NOT_FOUND]');
  expect(await pixlake(lake, 'runs', 'show', 'gone')).toMatchObject({ code: 3 });
});

const hasCuda = existsSync('/dev/nvidiactl');
if (hasCuda) console.warn('skipped: what happens without CUDA, since it is here');

test.skipIf(hasCuda)('a device that is not there is told before there is a run', async () => {
  const run = ['run', '--name', 'gone', '--sql', 'SELECT * FROM images', '--model', 'fashion-tiny'];
  const { code, stderr } = await pixlake(lake, ...run, '--device', 'cuda', '--limit', '1');
  expect(stderr).toContain('[DEVICE_UNAVAILABLE]');
  expect(code).toBe(70);
});
