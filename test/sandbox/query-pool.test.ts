import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { createApiKey } from '../../src/api/api-keys.ts';
import { defaultSandboxLimits, type SandboxLimits } from '../../src/sandbox/sandbox-limits.ts';
import { makeTestFolder, pixlakeJson, pixlakeProcess } from '../support/pixlake.ts';

// The entry of query processes is in the build alone.
const build = pathToFileURL(join(import.meta.dirname, '../../dist/sandbox/query-pool.js')).href;
const { QueryPool } = (await import(build)) as typeof import('../../src/sandbox/query-pool.ts');

const ENDLESS = 'SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b';

const openPool = (limits: Partial<SandboxLimits>): ReturnType<typeof QueryPool.open> =>
  QueryPool.open({ ...defaultSandboxLimits(), slots: 1, ...limits }, false);

afterEach(() => {
  vi.unstubAllEnvs();
});

test('queries that find no free process are told that the server is busy: the queue is full, the wait is over, the server stops', async () => {
  const pool = await openPool({ maxWaiting: 1, maxWaitMs: 200 });
  await using _ = pool;
  const slot = await pool.acquire();
  const waiting = expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY', status: 503 });
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  await waiting;
  const atTheEnd = expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  await pool[Symbol.asyncDispose]();
  await atTheEnd;
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  await pool.release(slot);
});

test('a query whose process is killed fails as crashed, and the next one gets another process', async () => {
  await using pool = await openPool({});
  const slot = await pool.acquire();
  const crashed = expect(slot.run(ENDLESS)).rejects.toMatchObject({ code: 'QUERY_CRASHED' });
  process.kill(slot.pid ?? 0, 'SIGKILL');
  await crashed;
  await pool.release(slot);
  const next = await pool.acquire();
  expect(next.pid).not.toBe(slot.pid);
  await next.run('SELECT 1');
  await pool.release(next);
});

async function makeLake(folder: string): Promise<string> {
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'sample', join(folder, 'source'), '--rows', '3');
  await pixlakeJson(lake, 'ingest', join(folder, 'source'));
  return lake;
}

// The servers are processes of their own: what the system says of theirs that do not start is not printed among the tests.

test('a query process that does not start is a sandbox that is not available', async () => {
  const lake = await makeLake(await makeTestFolder());
  // No Node starts in so little memory.
  const { code, stderr } = await pixlakeProcess(lake, 'serve', '--port', '0', '--query-memory', '1MB');
  expect([code, stderr]).toEqual([
    70,
    expect.stringContaining('a query process did not start [SANDBOX_UNAVAILABLE]'),
  ]);
});

test('where the operating system cannot bound query processes, a server serves its own machine alone', async () => {
  const folder = await makeTestFolder();
  const keys = join(folder, 'keys.json');
  await createApiKey(keys, { name: 'a', scope: 'read' });
  const lake = await makeLake(folder);
  vi.stubEnv('PATH', '/nowhere');
  const serve = ['serve', '--host', '0.0.0.0', '--port', '0', '--api-keys', keys];
  const { code, stderr } = await pixlakeProcess(lake, ...serve);
  expect([code, stderr]).toEqual([70, expect.stringContaining('[SANDBOX_UNAVAILABLE]')]);
});
