import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { renderImage } from '../../src/image/render-image.ts';
import { undrawn } from '../../src/image/transform.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import { openLakehouse, type RunReport } from '../../src/index.ts';
import { writeRandomFashionNet } from '../model/toy-model.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeDamagedLake } from '../support/damaged-lake.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { inProcessExecutor, makeLake, runWith } from '../support/run-in-process.ts';

async function query<T>(lake: string, sql: string): Promise<T[]> {
  return pixlakeJson<T[]>(lake, 'query', sql);
}

async function errorOf(
  lake: string,
  ...args: readonly string[]
): Promise<{ code: number; error: { code: string; message: string } }> {
  const { code, stderr } = await pixlake(lake, ...args, '--json');
  return {
    code,
    ...(JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string; message: string } }),
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface ManifestRow {
  readonly id: number;
  readonly image_id: string;
  readonly copy: number;
  readonly image_key: string;
  readonly image_sha256: string;
  readonly source_key: string;
  readonly source_sha256: string;
  readonly crop_left: number;
  readonly crop_top: number;
  readonly crop_width: number;
  readonly crop_height: number;
}

describe('a run', () => {
  let lake: string;
  beforeAll(async () => {
    // Shared by tests that only read it or add runs of their own.
    const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 40));
    return () => rm(folder, { recursive: true, force: true });
  });

  test('writes every copy as 256x256 with a manifest row that names what it was made from', async () => {
    const sql = "SELECT * FROM images WHERE gender = 'Men'";
    const report = await pixlakeJson<RunReport>(
      lake,
      'run',
      '--name',
      'men',
      '--sql',
      sql,
      '--copies',
      '2',
      '--shard-size',
      '7',
    );
    expect(report).toMatchObject({
      outcome: 'finished',
      rowCount: 20,
      copies: 2,
      imageCount: 40,
      errorCount: 0,
      shardCount: 3,
    });
    const rows = await query<ManifestRow>(lake, 'SELECT * FROM runs.men ORDER BY id, copy');
    expect(rows).toHaveLength(40);
    for (const row of rows) {
      const bytes = await readFile(join(lake, row.image_key));
      expect(sha256(bytes)).toBe(row.image_sha256);
      expect(await sharp(bytes).metadata()).toMatchObject({
        format: 'jpeg',
        width: 256,
        height: 256,
        channels: 3,
      });
      expect(sha256(await readFile(join(lake, row.source_key)))).toBe(row.source_sha256);
      expect(row.crop_width).toBeGreaterThanOrEqual(48);
      expect(row.crop_height).toBeGreaterThanOrEqual(64);
      expect(row.crop_left + row.crop_width).toBeLessThanOrEqual(60);
      expect(row.crop_top + row.crop_height).toBeLessThanOrEqual(80);
    }
    expect(new Set(rows.map((row) => row.image_key)).size).toBe(40);
    const [lineage] = await query(
      lake,
      'SELECT DISTINCT run_id, source_table, source_version, sql, seed, model, software FROM runs.men',
    );
    expect(lineage).toMatchObject({
      run_id: report.runId,
      source_table: 'images',
      source_version: 0,
      sql,
      seed: 42,
      model: null,
    });
    expect(await readdir(join(lake, report.folder))).toContain('_SUCCESS');
  });

  test('the manifest row is enough to make the same pixels again', async () => {
    await pixlakeJson(
      lake,
      'run',
      '--name',
      'png',
      '--sql',
      'SELECT id FROM images',
      '--sample',
      '3',
      '--format',
      'png',
    );
    const { transform } = parseRunSpec({ name: 'png', sql: '', transform: { format: 'png' } }, 'test');
    const rows = await query<ManifestRow>(lake, 'SELECT * FROM runs.png');
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      const written = await sharp(await readFile(join(lake, row.image_key)))
        .raw()
        .toBuffer();
      const scale = 256 / Math.max(row.crop_width, row.crop_height);
      const [width, height] = [Math.round(row.crop_width * scale), Math.round(row.crop_height * scale)];
      const left = Math.floor((256 - width) / 2);
      const top = Math.floor((256 - height) / 2);
      const again = await sharp(await readFile(join(lake, row.source_key)))
        .extract({ left: row.crop_left, top: row.crop_top, width: row.crop_width, height: row.crop_height })
        .resize(width, height, { fit: 'fill', kernel: 'cubic' })
        .extend({ left, top, right: 256 - width - left, bottom: 256 - height - top, background: '#ffffff' })
        .raw()
        .toBuffer();
      // By other means, so that rounding may differ.
      expect(again.length).toBe(written.length);
      let worst = 0;
      for (const [index, value] of again.entries())
        worst = Math.max(worst, Math.abs(value - (written[index] ?? 0)));
      expect(worst).toBeLessThan(8);
      // By our own means, bit for bit.
      const { encoded } = await renderImage(await readFile(join(lake, row.source_key)), transform, {
        ...undrawn({ width: row.crop_width, height: row.crop_height }),
        cropLeft: row.crop_left,
        cropTop: row.crop_top,
      });
      expect(sha256(encoded)).toBe(row.image_sha256);
    }
  });

  test('the same run again does nothing; another run of that name is refused', async () => {
    const args = ['run', '--name', 'same', '--sql', 'SELECT id FROM images', '--limit', '5'];
    await pixlakeJson<RunReport>(lake, ...args);
    expect(await pixlakeJson<RunReport>(lake, ...args)).toMatchObject({ outcome: 'repeated', imageCount: 5 });
    expect(await errorOf(lake, ...args, '--seed', '1')).toMatchObject({
      code: 4,
      error: { code: 'RUN_NAME_TAKEN' },
    });
  });

  test('draws depend on seed, id and copy alone, not on shards, order or selection', async () => {
    const crops =
      'SELECT id, copy, crop_left, crop_top, crop_width, crop_height, image_sha256 FROM runs.%s WHERE id < 10 ORDER BY id, copy';
    await pixlakeJson(
      lake,
      'run',
      '--name',
      'a',
      '--sql',
      'SELECT id FROM images ORDER BY id',
      '--shard-size',
      '3',
      '--copies',
      '2',
    );
    await pixlakeJson(
      lake,
      'run',
      '--name',
      'b',
      '--sql',
      'SELECT id FROM images WHERE id < 10 ORDER BY id DESC',
      '--copies',
      '3',
    );
    const a = await query(lake, crops.replace('%s', 'a'));
    expect(a).toHaveLength(18);
    expect(await query(lake, crops.replace('%s', 'b').replace('WHERE', 'WHERE copy < 2 AND'))).toEqual(a);
    await pixlakeJson(
      lake,
      'run',
      '--name',
      'c',
      '--sql',
      'SELECT id FROM images WHERE id < 10',
      '--copies',
      '2',
      '--seed',
      '43',
    );
    expect(await query(lake, crops.replace('%s', 'c'))).not.toEqual(a);
  });

  test('its output can be queried and run on', async () => {
    await pixlakeJson(
      lake,
      'run',
      '--name',
      'first',
      '--sql',
      'SELECT * FROM images LIMIT 4',
      '--copies',
      '2',
    );
    const sql = 'SELECT * REPLACE (image_id AS id) FROM runs.first';
    expect(await pixlakeJson(lake, 'run', '--name', 'second', '--sql', sql, '--size', '64')).toMatchObject({
      imageCount: 8,
      errorCount: 0,
    });
    const [row] = await query<{ source_key: string; image_width: number; gender: string }>(
      lake,
      'SELECT * FROM runs.second LIMIT 1',
    );
    expect(row).toMatchObject({
      source_key: expect.stringContaining('runs/first/'),
      image_width: 64,
      gender: expect.any(String),
    });
  });

  test('labels images and marks what an untrained model says', async () => {
    const args = [
      'run',
      '--name',
      'labelled',
      '--sql',
      'SELECT id FROM images',
      '--limit',
      '3',
      '--model',
      await writeRandomFashionNet(await makeTestFolder()),
    ];
    expect(await pixlakeJson<RunReport>(lake, ...args)).toMatchObject({
      imageCount: 3,
      model: { name: 'random', isTrained: false },
    });
    const rows = await query<{ pred_category_scores: number[]; pred_category_labels: string[] }>(
      lake,
      'SELECT pred_category, pred_category_score, pred_category_labels, pred_category_scores, pred_attribute, model_trained FROM runs.labelled',
    );
    expect(rows).toHaveLength(3);
    for (const row of rows) {
      expect(row).toMatchObject({ pred_category: row.pred_category_labels[0], model_trained: false });
      expect(row.pred_category_scores).toEqual([...row.pred_category_scores].sort((x, y) => y - x));
    }
    const { stdout } = await pixlake(lake, ...args);
    expect(stdout).toContain('untrained');
  });

  test.each([
    [{ transform: { crop: 2 } }, 'SPEC_INVALID', 'transform.crop'],
    [{ transform: { background: 'red' } }, 'SPEC_INVALID', 'transform.background'],
    [{ transform: { quality: 101 } }, 'SPEC_INVALID', 'transform.quality'],
    [{ model: 'nothing-like-it' }, 'MODEL_NOT_FOUND', 'nothing-like-it'],
    [{ table: 'nowhere' }, 'TABLE_NOT_FOUND', 'nowhere'],
    [{ name: '../out' }, 'TABLE_NAME_INVALID', '../out'],
  ])(
    'a specification that cannot be used is refused and what is wrong is named: %j',
    async (fields, code, named) => {
      const run = openLakehouse({ lake }).run({ name: 'refused', sql: 'SELECT id FROM images', ...fields });
      await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(named) });
    },
  );
});

test('a finished run is repeated on new data as an execution of its own', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const source = await writePlainCatalogue(join(folder, 'source'), 3);
  await pixlakeJson(lake, 'ingest', source);
  const args = ['run', '--name', 'daily', '--sql', 'SELECT id FROM images'];
  const before = await pixlakeJson<RunReport>(lake, ...args);
  await writePlainCatalogue(source, 5);
  await pixlakeJson(lake, 'ingest', source);
  const after = await pixlakeJson<RunReport>(lake, ...args);
  expect(after).toMatchObject({ outcome: 'finished', imageCount: 5 });
  expect(after.runId).not.toBe(before.runId);
  expect(await query(lake, 'SELECT count(*)::INTEGER AS n FROM runs.daily')).toEqual([{ n: 5 }]);
});

test('a run in which all images fail says so and exits with an error, each time', async () => {
  const lake = await makeDamagedLake([1, 2, 3]);
  const args = ['run', '--name', 'bad', '--sql', 'SELECT * FROM images WHERE id <= 3'];
  for (let time = 0; time < 2; time++) {
    const { code, stderr } = await pixlake(lake, ...args, '--json');
    expect(code).toBe(3);
    expect(stderr).toContain('RUN_FAILED');
    expect(stderr).toContain('all 3 images of run bad failed, the first with IMAGE_CORRUPT');
  }
  expect(await pixlakeJson(lake, 'query', 'SELECT count(*)::INTEGER AS n FROM runs.bad')).toEqual([{ n: 0 }]);
  expect(await pixlakeJson(lake, 'query', 'SELECT count(*)::INTEGER AS n FROM errors.bad')).toEqual([
    { n: 3 },
  ]);
});

test('workers are prepared while the run is planned, and end if it needs none', async () => {
  const { store } = await makeLake(2);
  const events: string[] = [];
  const executor: ShardExecutor = {
    start: async () => expect.unreachable('it has prepared workers'),
    prepare() {
      events.push('prepared');
      return {
        async start(demand) {
          events.push('started');
          return inProcessExecutor.start(demand);
        },
        async [Symbol.asyncDispose]() {
          events.push('ended');
        },
      };
    },
  };
  const spec = { name: 'r', sql: 'SELECT id FROM images' };
  await expect(runWith(store, { ...spec, sql: 'SELECT nothing FROM images' }, executor)).rejects.toThrow(
    'nothing',
  );
  expect(events).toEqual(['prepared', 'ended']);
  expect(await runWith(store, spec, executor)).toMatchObject({ outcome: 'finished', imageCount: 2 });
  expect(events.splice(2)).toEqual(['prepared', 'started', 'ended']);
  expect(await runWith(store, spec, executor)).toMatchObject({ outcome: 'repeated' });
  expect(events.splice(2)).toEqual(['prepared', 'ended']);
});
