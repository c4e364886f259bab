import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
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

test('a process that died while nobody used it is not handed out, and another takes its place', async () => {
  await using pool = await openPool({ slots: 2 });
  const [one, two] = [await pool.acquire(), await pool.acquire()];
  await pool.release(one);
  await pool.release(two);
  expect(pool.status).toMatchObject({ slotCount: 2, busyCount: 0 });
  // The one that is handed out next.
  process.kill(two.pid ?? 0, 'SIGKILL');
  await expect.poll(() => two.isDead).toBe(true);
  const first = await pool.acquire();
  expect(first.pid).toBe(one.pid);
  await first.run('SELECT 1');
  const second = await pool.acquire();
  expect([one.pid, two.pid]).not.toContain(second.pid);
  await second.run('SELECT 1');
  expect(pool.status).toMatchObject({ slotCount: 2, busyCount: 2, waitingCount: 0 });
  await pool.release(first);
  await pool.release(second);
});

test('the time of a query is that of all its steps together', async () => {
  await using pool = await openPool({ timeoutMs: 60_000 });
  const slot = await pool.acquire();
  slot.allow(1500);
  const startMs = performance.now();
  // Each of them is much shorter than the whole.
  const step = 'SELECT max(hash(a.range * 7 + b.range)) FROM range(3000) AS a, range(10000) AS b';
  const steps = async (): Promise<never> => {
    for (;;) await slot.run(step);
  };
  await expect(steps()).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  expect(performance.now() - startMs).toBeGreaterThan(1400);
  await expect(slot.run('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  await pool.release(slot);
  const next = await pool.acquire();
  await next.run('SELECT 1');
  await pool.release(next);
});

describe('the DuckDB of a query, asked past the guard of its SQL', () => {
  let folder: string;
  let pool: Awaited<ReturnType<typeof openPool>>;
  let slot: Awaited<ReturnType<typeof pool.acquire>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    await writeFile(join(folder, 'allowed.csv'), 'a\n1\n');
    await writeFile(join(folder, 'secret.csv'), 'a\nsecret\n');
    pool = await openPool({});
    slot = await pool.acquire();
    const sql = `SELECT * FROM read_csv('${join(folder, 'allowed.csv')}')`;
    // Locks it, as the first statement of every query does.
    expect(
      await slot.ask({ kind: 'check', sql, parameters: {}, paths: [join(folder, 'allowed.csv')] }),
    ).toEqual(['a']);
  });

  afterAll(async () => {
    await pool.release(slot);
    await pool[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('reads the files of the query', async () => {
    await expect(
      slot.run(`SELECT * FROM read_csv('${join(folder, 'allowed.csv')}')`),
    ).resolves.toBeUndefined();
  });

  test.each([
    `SELECT * FROM read_csv('{folder}/secret.csv')`,
    `SELECT * FROM '{folder}/secret.csv'`,
    `SELECT * FROM read_text('{folder}/secret.csv')`,
    `SELECT * FROM glob('{folder}/*')`,
    `SELECT * FROM read_blob('/etc/passwd')`,
    `SELECT * FROM read_csv('{folder}/allowed.csv/../secret.csv')`,
    `COPY (SELECT 1) TO '{folder}/out.csv'`,
    `COPY (SELECT 1) TO '{folder}/allowed.csv'`,
    `ATTACH '{folder}/other.db' AS other`,
    `EXPORT DATABASE '{folder}/export'`,
    `INSTALL httpfs`,
    `LOAD httpfs`,
    `SELECT * FROM read_csv('https://example.com/a.csv')`,
    `SET enable_external_access = true`,
    `SET allowed_directories = ['/']`,
    `SET allowed_paths = ['{folder}/secret.csv']`,
    `RESET lock_configuration`,
    `SET lock_configuration = false`,
    `PRAGMA memory_limit = '1TB'`,
  ])('does not do %s', async (sql) => {
    const before = await readdir(folder);
    await expect(slot.run(sql.replaceAll('{folder}', folder))).rejects.toMatchObject({ code: 'SQL_FAILED' });
    expect(await readdir(folder)).toEqual(before);
    expect(await readFile(join(folder, 'allowed.csv'), 'utf8')).toBe('a\n1\n');
  });
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
