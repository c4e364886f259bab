import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunReport, RunListing } from '../../src/index.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson, startPixlake } from '../support/pixlake.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { hasS3, must, outputOf, testUri } from './s3-fixture.ts';

const ROWS = 60;
const RUN = ['run', '--name', 'made', '--sql', 'SELECT * FROM images', '--copies', '2', '--shard-size', '6'];

let source: string;

beforeEach(async () => {
  source = await writePlainCatalogue(join(await makeTestFolder(), 'source'), ROWS);
  vi.stubEnv('PIXLAKE_CACHE', await makeTestFolder());
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function ingested(lake: string): Promise<string> {
  await must(lake, 'ingest', source);
  return lake;
}

async function folderLake(): Promise<string> {
  return join(await makeTestFolder(), 'lake');
}

describe.skipIf(!hasS3)('runs on S3', () => {
  test('from and to folders and buckets make the same images', async () => {
    const folder = await ingested(await folderLake());
    const bucket = await ingested(await testUri());
    await must(folder, ...RUN);
    const made = await outputOf(folder, 'made');
    expect(made).toHaveLength(2 * ROWS);
    for (const [from, to] of [
      [folder, await testUri()],
      [bucket, await folderLake()],
      [bucket, await testUri()],
    ] as const) {
      const report = await pixlakeJson<RunReport>(from, ...RUN, '--output', to);
      expect(report).toMatchObject({ outcome: 'finished', imageCount: 2 * ROWS, errorCount: 0 });
      expect(await outputOf(to, 'made')).toEqual(made);
      // The same command finds it done.
      const again = await pixlakeJson<RunReport>(from, ...RUN, '--output', to);
      expect(again.runId).toBe(report.runId);
      expect(again.resumedShardCount).toBe(report.shardCount);
    }
  });

  test('killed three times, a run resumes and makes what an undisturbed one makes', async () => {
    const undisturbed = await ingested(await testUri());
    await must(undisturbed, ...RUN);
    const lake = await ingested(await testUri());
    const store = openStore(lake);
    const markers = async (): Promise<string[]> =>
      (await keysOf(store, 'runs')).filter((key) => key.includes('/shards/'));
    let doneBefore: string[] = [];
    for (const wanted of [1, 3, 6]) {
      const child = startPixlake(lake, ...RUN);
      while ((await markers()).length < wanted && child.exitCode === null) await sleep(5);
      expect(child.exitCode).toBeNull();
      child.kill('SIGKILL');
      await once(child, 'exit');
      const done = await markers();
      expect(done).toEqual(expect.arrayContaining(doneBefore));
      doneBefore = done;
    }
    const marks = await Promise.all(doneBefore.map((key) => store.read(key)));
    const report = await pixlakeJson<RunReport>(lake, ...RUN);
    expect(report).toMatchObject({ outcome: 'finished', resumedShardCount: doneBefore.length });
    expect(await Promise.all(doneBefore.map((key) => store.read(key)))).toEqual(marks);
    expect(await outputOf(lake, 'made')).toEqual(await outputOf(undisturbed, 'made'));
  });

  test('a model of the lake is fetched once by a machine', async () => {
    const lake = await ingested(await testUri());
    const folder = await makeTestFolder();
    const model = join(import.meta.dirname, '../../lake/models/fashion-tiny/fashion-tiny');
    const card = JSON.parse(await readFile(`${model}.json`, 'utf8')) as object;
    await writeFile(join(folder, 'card.json'), JSON.stringify({ ...card, name: 'mine' }));
    await must(lake, 'models', 'add', `${model}.onnx`, '--card', join(folder, 'card.json'));
    const proxy = await startFaultProxy();
    const asked: Record<string, number> = { GET: 0, HEAD: 0 };
    proxy.weather = ({ method, path }) => {
      if (path.includes('mine.onnx')) asked[method] = (asked[method] ?? 0) + 1;
      return undefined;
    };
    const endpoint = ['--endpoint-url', proxy.url];
    for (const name of ['first', 'second']) {
      const run = [
        'run',
        '--name',
        name,
        '--sql',
        'SELECT id FROM images',
        '--limit',
        '40',
        '--model',
        'mine',
      ];
      const report = await pixlakeJson<RunReport>(lake, ...run, ...endpoint);
      expect(report).toMatchObject({ imageCount: 40, model: { name: 'mine', isTrained: true } });
      // The planner and the one worker look whether the model is there; the first of them gets it.
      expect(asked).toEqual({ GET: 1, HEAD: name === 'first' ? 2 : 4 });
    }
  });

  test('an original that was deleted after the plan costs its own row only', async () => {
    const lake = await ingested(await testUri());
    const store = openStore(lake);
    const [first = '', second = ''] = await keysOf(store, 'originals');
    await store.deleteMany([first, second]);
    const report = await pixlakeJson<RunReport>(lake, ...RUN);
    expect(report).toMatchObject({ outcome: 'finished', imageCount: 2 * (ROWS - 2), errorCount: 4 });
  });
});

describe.skipIf(!hasS3)('tables on S3', () => {
  test('are upserted, cut down, compacted, cleared and verified', async () => {
    const lake = await ingested(await testUri());
    await must(lake, 'ingest', await writePlainCatalogue(source, ROWS + 20));
    await must(lake, 'delete', 'images', '--where', 'id <= 10');
    await must(lake, 'optimize', 'images', '--sort-by', 'id');
    const sql = 'SELECT count(*)::INTEGER AS n, min(id)::INTEGER AS first FROM images';
    expect(await pixlakeJson(lake, 'query', sql)).toEqual([{ n: ROWS + 10, first: 11 }]);
    expect(await pixlakeJson(lake, 'query', sql, '--at', '0')).toEqual([{ n: ROWS, first: 1 }]);
    const before = await keysOf(openStore(lake));
    await must(lake, 'vacuum', 'images', '--retain', '0s');
    const after = await keysOf(openStore(lake));
    expect(after.length).toBeLessThan(before.length);
    await must(lake, 'verify');
    expect(await pixlakeJson(lake, 'query', sql)).toEqual([{ n: ROWS + 10, first: 11 }]);
  });
});

test.skipIf(!hasS3)('the demo does its whole job on S3', async () => {
  const lake = await testUri();
  const folder = await makeTestFolder();
  const { stdout } = await must(lake, 'demo', '--lake', lake, '--folder', folder, '--rows', '200');
  expect(stdout).toContain(lake);
  expect((await stat(join(folder, 'contact-sheet.png'))).size).toBeGreaterThan(1000);
  const { runs } = await pixlakeJson<RunListing>(lake, 'runs', 'list');
  expect(runs.length).toBeGreaterThan(0);
});
