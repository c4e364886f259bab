import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RunReport, RunStatus } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { hashOutput } from '../support/hash-output.ts';
import { makeTestFolder, pixlake, pixlakeJson, startPixlake } from '../support/pixlake.ts';

async function makeLake(): Promise<string> {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 60));
  return lake;
}

async function query(lake: string, sql: string): Promise<unknown> {
  return pixlakeJson(lake, 'query', sql);
}

test('killed at any moment, the same command gives byte for byte what an undisturbed run gives', async () => {
  const lake = await makeLake();
  const args = [
    'run',
    '--name',
    'killed',
    '--sql',
    'SELECT * FROM images',
    '--copies',
    '4',
    '--shard-size',
    '4',
    '--flip',
    '0.5',
    '--rotate',
    '10',
  ];
  const report = await pixlakeJson<RunReport>(lake, ...args);
  const folder = join(lake, report.folder);
  const undisturbed = await hashOutput(folder);
  expect(Object.keys(undisturbed).length).toBeGreaterThan(240);
  await rm(join(lake, 'runs'), { recursive: true });

  const shardsDone = async (): Promise<string[]> => readdir(join(folder, 'shards/00000')).catch(() => []);
  let doneBefore: string[] = [];
  for (const wanted of [1, 4, 9]) {
    const child = startPixlake(lake, ...args);
    while ((await shardsDone()).length < wanted && child.exitCode === null) await sleep(5);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const done = await shardsDone();
    expect(done).toEqual(expect.arrayContaining(doneBefore));
    doneBefore = done;
  }
  const marks = await Promise.all(
    doneBefore.map((name) => readFile(join(folder, 'shards/00000', name), 'utf8')),
  );
  const finish = await pixlakeJson<RunReport>(lake, ...args);
  expect(finish).toMatchObject({
    outcome: 'finished',
    runId: report.runId,
    resumedShardCount: doneBefore.length,
  });
  // Finished shards were not computed again: their markers, which hold times, are the same.
  expect(
    await Promise.all(doneBefore.map((name) => readFile(join(folder, 'shards/00000', name), 'utf8'))),
  ).toEqual(marks);
  expect(await hashOutput(folder)).toEqual(undisturbed);
  expect(await query(lake, 'SELECT count(*)::INTEGER AS n FROM runs.killed')).toEqual([{ n: 240 }]);
});

test('Ctrl-C leaves a run that can be resumed, and so does cancelling it from elsewhere', async () => {
  const lake = await makeLake();
  const args = [
    'run',
    '--name',
    'stopped',
    '--sql',
    'SELECT * FROM images',
    '--copies',
    '20',
    // Left to sharp, so that there is time to stop it.
    '--blur',
    '2',
    '--shard-size',
    '4',
    '--workers',
    '2',
  ];
  const start = async (): Promise<{
    child: ReturnType<typeof startPixlake>;
    status: () => Promise<RunStatus>;
  }> => {
    const child = startPixlake(lake, ...args, '--json');
    const status = (): Promise<RunStatus> => pixlakeJson<RunStatus>(lake, 'runs', 'show', 'stopped');
    for (;;) {
      const shown = await pixlake(lake, 'runs', 'show', 'stopped', '--json');
      if (shown.code === 0 && (JSON.parse(shown.stdout) as RunStatus).finishedShardCount > 0)
        return { child, status };
      await sleep(20);
    }
  };
  const first = await start();
  first.child.kill('SIGINT');
  expect(await once(first.child, 'exit')).toEqual([130, null]);
  const interrupted = await first.status();
  expect(interrupted.state).toBe('unfinished');
  expect(interrupted.finishedShardCount).toBeLessThan(15);

  const second = await start();
  await pixlakeJson(lake, 'runs', 'cancel', 'stopped');
  expect(await once(second.child, 'exit')).toEqual([4, null]);
  const report = await pixlakeJson<RunReport>(lake, 'runs', 'resume', 'stopped');
  expect(report).toMatchObject({ outcome: 'finished', imageCount: 1200 });
  expect(report.resumedShardCount).toBeGreaterThanOrEqual(interrupted.finishedShardCount);
  expect(
    await query(
      lake,
      'SELECT count(*)::INTEGER AS n, count(DISTINCT image_id)::INTEGER AS ids FROM runs.stopped',
    ),
  ).toEqual([{ n: 1200, ids: 1200 }]);
});
