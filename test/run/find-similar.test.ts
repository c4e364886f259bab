import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findSimilar } from '../../src/run/find-similar.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import { runWith, useLake } from '../support/run-in-process.ts';
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

describe('images like one', () => {
  const plain = useLake(4);
  let onnxPath = '';

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    const output = { name: 'scores', column: 'pixels', kind: 'embedding', size: 6 } as const;
    ({ onnxPath } = await writeModel(folder, TOY_MODEL, { outputs: [output] }));
    return () => rm(folder, { recursive: true });
  });

  /** Executes a run whose model gives the pixels of an image as its embedding. */
  async function embed(name: string, changes: Partial<RunSpec> = {}): Promise<string> {
    const spec = {
      name,
      sql: 'SELECT id FROM images',
      model: onnxPath,
      transform: { size: 8, crop: 0 },
      ...changes,
    };
    return (await runWith(plain.current.store, spec)).folder;
  }

  async function find(spec: Parameters<typeof findSimilar>[1]): Promise<Record<string, unknown>[]> {
    await using query = await findSimilar(plain.current.store, spec);
    const rows: Record<string, unknown>[] = [];
    const names = query.batches.columns.map((column) => column.name);
    expect(new Set(names).size).toBe(names.length);
    for await (const batch of query.batches)
      for (const row of batch.getRows())
        rows.push(Object.fromEntries(names.map((column, index) => [column, row[index]])));
    return rows;
  }

  test('are those whose embeddings have the least cosine distance, as many as are asked for', async () => {
    await embed('near', { sql: 'SELECT id, year FROM images' });
    const all = await find({ name: 'near', id: '2' });
    expect(all.map(({ image_id: id }) => id).toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      '1',
      '3',
      '4',
    ]);
    expect(Object.keys(all[0] ?? {})).toEqual([
      'image_id',
      'distance',
      'id',
      'year',
      'image_key',
      'source_key',
    ]);
    const { lakehouse } = plain.current;
    await using query = await lakehouse.query(
      `SELECT a.image_id, array_cosine_distance(a.pred_pixels::FLOAT[6], b.pred_pixels::FLOAT[6]) AS distance
       FROM runs.near a, runs.near b WHERE b.image_id = '2' AND a.image_id <> '2' ORDER BY 2, 1`,
    );
    const expected = (await query.toArray()) as { image_id: string; distance: number }[];
    // One has the digits of a float only.
    expect(all.map((row) => `${String(row['image_id'])} ${Math.fround(Number(row['distance']))}`)).toEqual(
      expected.map((row) => `${row.image_id} ${Math.fround(row.distance)}`),
    );
    expect(new Set(all.map(({ distance }) => distance)).size).toBe(3);
    expect(await find({ name: 'near', id: '2', count: 1 })).toEqual(all.slice(0, 1));
    expect(await find({ name: 'runs."near"', id: '2', count: 2 })).toEqual(all.slice(0, 2));
  });

  test('are ordered by their distance, also where a column of the SQL has that name', async () => {
    await embed('far', { sql: 'SELECT id, -id AS distance, id AS embedding, id AS one FROM images' });
    const distances = (await find({ name: 'far', id: '1' })).map(({ distance }) => Number(distance));
    expect(distances).toHaveLength(3);
    expect(distances.every((distance) => distance >= 0)).toBe(true);
    expect(distances).toEqual(distances.toSorted((a, b) => a - b));
  });

  test('of an image with copies are those like its first copy, or like the one that is named', async () => {
    await embed('copied', {
      copies: 2,
      transform: { size: 8, crop: 0.5 },
      sql: 'SELECT id FROM images WHERE id < 3',
    });
    const idsOf = async (id: string): Promise<unknown[]> =>
      (await find({ name: 'copied', id })).map(({ image_id: found }) => String(found)).toSorted();
    expect(await idsOf('2')).toEqual(['1-0', '1-1', '2-1']);
    expect(await idsOf('2-1')).toEqual(['1-0', '1-1', '2-0']);
  });

  test.each([0, 1.5, -1, Number.NaN])('cannot be %d', async (count) => {
    await expect(find({ name: 'near', id: '2', count })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' });
  });

  test('are not found in a run that has not finished, or that has no embeddings', async () => {
    const folder = await embed('begun', { seed: 7 });
    await plain.current.store.delete(executionKeys.success(folder));
    await expect(find({ name: 'begun', id: '2' })).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
      remedy:
        'make them first: pixlake run --name begun-labelled --sql "SELECT * FROM begun" --model fashion-tiny',
    });
    await expect(find({ name: 'near', id: 'none' })).rejects.toMatchObject({
      code: 'IMAGE_MISSING',
      message: 'run near has no image with id none',
    });
  });
});
