import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../api/server-fixture.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { hashOutput } from '../support/hash-output.ts';
import { pixlakeJson } from '../support/pixlake.ts';

const ROWS = 1250;
const SPEC = { name: 'all', sql: 'SELECT id, gender, year FROM images', copies: 4, shardSize: 20 };
const KILLS = 3;

let folder: string;
let catalogue: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-kill-server-'));
  catalogue = await writePlainCatalogue(join(folder, 'source'), ROWS);
});

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

interface Run {
  readonly state: string;
  readonly runId: string;
  readonly imageCount: number;
  readonly errorCount: number;
  readonly finishedShardCount: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

async function runOf(server: TestServer): Promise<Run> {
  return (await (await server.get('/v1/runs/all')).json()) as Run;
}

async function waitFor(server: TestServer, isReached: (run: Run) => boolean): Promise<Run> {
  for (;;) {
    const run = await runOf(server);
    if (isReached(run) || run.state === 'failed') return run;
    await sleep(20);
  }
}

test(`a server killed ${KILLS} times in a run over ${ROWS * SPEC.copies} images ends with what an undisturbed run gives`, async () => {
  const calm = join(folder, 'calm');
  const stormy = join(folder, 'stormy');
  for (const lake of [calm, stormy]) await pixlakeJson(lake, 'ingest', catalogue);
  const undisturbed = await startServer(calm);
  await undisturbed.post('/v1/runs', SPEC);
  const expected = await waitFor(undisturbed, ({ state }) => state === 'finished');
  await undisturbed.stop();
  expect(expected).toMatchObject({ state: 'finished', imageCount: ROWS * SPEC.copies, errorCount: 0 });

  let server = await startServer(stormy);
  expect((await server.post('/v1/runs', SPEC)).status).toBe(202);
  let finishedShards = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const enough = finishedShards + 5;
    const run = await waitFor(server, ({ finishedShardCount }) => finishedShardCount >= enough);
    expect(run.state).toBe('running');
    await server.stop('SIGKILL');
    server = await startServer(stormy);
    const resumed = await runOf(server);
    expect(resumed.finishedShardCount).toBeGreaterThanOrEqual(run.finishedShardCount);
    expect([resumed.startedAt, resumed.finishedAt]).toEqual([run.startedAt, null]);
    finishedShards = resumed.finishedShardCount;
  }
  const run = await waitFor(server, ({ state }) => state === 'finished');
  await server.stop();
  // They were submitted at different times.
  const times = { submittedAt: null, startedAt: null, finishedAt: null };
  expect({ ...run, ...times }).toEqual({ ...expected, ...times });
  const hashes = await hashOutput(join(stormy, 'runs/all', `run_id=${run.runId}`));
  expect(Object.keys(hashes).length).toBeGreaterThan(ROWS * SPEC.copies);
  expect(hashes).toEqual(await hashOutput(join(calm, 'runs/all', `run_id=${run.runId}`)));
});
