import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport, RunStatus } from '../../src/index.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { csvLine, drawJpeg, writeCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { inProcessExecutor, runWith, wrapAttempts } from '../support/run-in-process.ts';

/** A lake of 10 images, of which those with these ids are damaged. */
async function makeLake(damaged: readonly number[]): Promise<string> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  const ids = Array.from({ length: 10 }, (_, index) => index + 1);
  const images = ids.map(async (id) => {
    const bytes = await drawJpeg(id);
    return [`${id}.jpg`, damaged.includes(id) ? bytes.subarray(0, bytes.length / 2) : bytes] as const;
  });
  await writeCatalogue(
    join(folder, 'source'),
    ids.map((id) => csvLine({ id })),
    Object.fromEntries(await Promise.all(images)),
  );
  await pixlakeJson(lake, 'ingest', join(folder, 'source'));
  return lake;
}

const RUN = ['run', '--name', 'r', '--sql', 'SELECT * FROM images'];

test('a run in which all images fail says so and exits with an error, each time', async () => {
  const lake = await makeLake([1, 2, 3]);
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

test.each(['1', '19%'])(
  'a run with more errors than %s is stopped before its commit, and goes on with a higher limit',
  async (limit) => {
    const lake = await makeLake([3, 7]);
    const { code, stderr } = await pixlake(lake, ...RUN, '--max-errors', limit, '--json');
    expect(code).toBe(3);
    expect(stderr).toContain('TOO_MANY_ERRORS');
    const [execution = ''] = await readdir(join(lake, 'runs/r'));
    expect(await readdir(join(lake, 'runs/r', execution))).not.toContain('_SUCCESS');
    const report = await pixlakeJson<RunReport>(lake, ...RUN, '--max-errors', '20%');
    expect(report).toMatchObject({ outcome: 'finished', imageCount: 8, errorCount: 2 });
  },
);

test('a run whose shards fail time and again ends with the shard and the cause, and is done once that is mended', async () => {
  const lake = await makeLake([]);
  const first = await pixlakeJson<RunReport>(lake, ...RUN);
  const folder = join(lake, first.folder);
  await rm(folder, { recursive: true });
  // A file in the place of the folder of parts: no part can be written.
  await mkdir(folder);
  await writeFile(join(folder, 'parts'), '');
  const { code, stderr } = await pixlake(lake, ...RUN);
  expect([code, stderr]).toEqual([70, expect.stringContaining('[SHARD_FAILED]')]);
  expect(stderr).toContain('shard 0 failed 3 times: cannot write');
  await rm(join(folder, 'parts'));
  expect(await pixlakeJson(lake, ...RUN)).toMatchObject({ outcome: 'finished', imageCount: 10 });
});

test('a limit that cannot be read is refused', async () => {
  const { code, stderr } = await pixlake('/nowhere', ...RUN, '--max-errors', 'few');
  expect(code).toBe(2);
  expect(stderr).toContain('--max-errors');
});

test('a run that is cancelled while its last shard ends is not committed, and is resumed without work', async () => {
  const lake = await makeLake([]);
  const store = openLocalStore(lake);
  const cancelling = wrapAttempts(inProcessExecutor, async ({ folder }, attempt) => {
    const outcome = await attempt();
    await store.write(`${folder}/_CANCELLED`, Buffer.alloc(0));
    return outcome;
  });
  const spec = { name: 'r', sql: 'SELECT id FROM images' };
  await expect(runWith(store, spec, cancelling)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  expect(await pixlakeJson<RunStatus>(lake, 'runs', 'show', 'r')).toMatchObject({ state: 'cancelled' });
  const report = await pixlakeJson<RunReport>(lake, 'runs', 'resume', 'r');
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 10 });
  expect(report.resumedShardCount).toBe(report.shardCount);
});
