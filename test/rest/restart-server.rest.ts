import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { eventually, finished, problemOf, runOf, startServer } from '../api/server-fixture.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

describe('a server that ends', () => {
  async function makeLake(): Promise<string> {
    const folder = await makeTestFolder();
    const lake = join(folder, 'lake');
    await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 100));
    return lake;
  }

  const spec = {
    name: 'long',
    sql: 'SELECT id FROM images',
    copies: 6,
    // Long enough to be caught in the middle.
    transform: { size: 256, blur: 2 },
    shardSize: 5,
  };
  const queued = {
    name: 'later',
    sql: 'SELECT id FROM images WHERE id <= 5',
    transform: { size: 32, quality: 80 },
  };

  test.each(['SIGKILL', 'SIGTERM'] as const)(
    'by %s leaves runs that the next one takes up',
    async (signal) => {
      const lake = await makeLake();
      const first = await startServer(lake);
      await first.post('/v1/runs', spec);
      await first.post('/v1/runs', queued);
      await eventually(async () => (await runOf(first, 'long')).imageCount > 50, 'images are done');
      const code = await first.stop(signal);
      if (signal === 'SIGTERM') expect(code).toBe(0);
      const left = await new Submissions(openLocalStore(lake)).list();
      expect(left.map(({ state }) => state)).toEqual(['accepted', 'accepted']);

      const second = await startServer(lake);
      try {
        expect(await finished(second, 'long')).toMatchObject({ imageCount: 600, errorCount: 0 });
        expect(await finished(second, 'later')).toMatchObject({ imageCount: 5 });
      } finally {
        await second.stop();
      }
      const { stdout } = await pixlake(lake, 'query', 'SELECT count(*) AS n FROM runs.long', '--json');
      expect(JSON.parse(stdout)).toEqual([{ n: 600 }]);
      const submissions = await new Submissions(openLocalStore(lake)).list();
      expect(submissions.map(({ run, state }) => `${run.name} ${state}`)).toEqual([
        'long finished',
        'later finished',
      ]);
    },
  );

  test('in the middle of accepting carries out all that it has accepted once it starts again', async () => {
    const lake = await makeLake();
    const accepted = new Set<string>();
    for (const answerCount of [2, 5, 8]) {
      const first = await startServer(lake);
      const names = Array.from({ length: 12 }, (_, index) => `kill-${answerCount}-${index}`);
      const statuses = new Set<number>();
      let left = answerCount;
      const answers = names.map(async (name) => {
        const { status } = await first.post('/v1/runs', { ...queued, name });
        statuses.add(status);
        if (status !== 202) return;
        accepted.add(name);
        left -= 1;
        if (left === 0) await first.stop('SIGKILL');
      });
      await Promise.allSettled(answers);
      expect(statuses).toEqual(new Set([202]));
    }
    expect(accepted.size).toBeGreaterThanOrEqual(2 + 5 + 8);
    const second = await startServer(lake);
    try {
      for (const name of accepted) expect(await finished(second, name)).toMatchObject({ imageCount: 5 });
    } finally {
      await second.stop();
    }
  });

  test('with --leave-runs shows them as interrupted until they are resumed', async () => {
    const lake = await makeLake();
    const first = await startServer(lake);
    await first.post('/v1/runs', spec);
    await eventually(async () => (await runOf(first, 'long')).imageCount > 0, 'images are done');
    await first.stop('SIGKILL');
    const second = await startServer(lake, '--leave-runs');
    try {
      expect((await runOf(second, 'long')).state).toBe('interrupted');
      await second.post('/v1/runs/long/resume', undefined);
      expect(await finished(second, 'long')).toMatchObject({ imageCount: 600 });
    } finally {
      await second.stop();
    }
  });
});

test('failed images are done again over REST, also by a server that starts after the one that accepted it', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 6));
  const original = join(lake, 'originals/images/2.jpg');
  await rename(original, `${original}.away`);
  await pixlakeJson(lake, 'run', '--name', 'r', '--sql', 'SELECT * FROM images', '--size', '32');
  const first = await startServer(lake);
  await rename(`${original}.away`, original);
  const wrong = await first.post('/v1/runs/r/retry', { stage: 'never' });
  expect(await problemOf(wrong)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  expect(await problemOf(await first.post('/v1/runs/none/retry', {}))).toMatchObject({ status: 404 });
  expect((await first.post('/v1/runs/r/retry', { code: 'OBJECT_NOT_FOUND' })).status).toBe(202);
  await first.stop();
  const second = await startServer(lake);
  await eventually(async () => {
    const run = await runOf(second, 'r');
    return run.imageCount === 6 && run.errorCount === 0 && run.retryCount === 1 && !run.isRetrying;
  }, 'the retry is finished');
  await second.stop();
});
