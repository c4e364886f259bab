import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { defaultSandboxLimits, type SandboxLimits } from '../../src/sandbox/sandbox-limits.ts';
import { makeTestFolder } from '../support/pixlake.ts';

// The entry of query processes is in the build alone.
const build = pathToFileURL(join(import.meta.dirname, '../../dist/sandbox/query-pool.js')).href;
const { QueryPool } = (await import(build)) as typeof import('../../src/sandbox/query-pool.ts');
const { log } = (await import(new URL('../config.js', build).href)) as typeof import('../../src/config.ts');

const ENDLESS = 'SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b';

const openPool = (limits: Partial<SandboxLimits>): ReturnType<typeof QueryPool.open> =>
  QueryPool.open({ ...defaultSandboxLimits(), slots: 1, ...limits }, false);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

test('queries that find no free process are told that the server is busy: the queue is full, the wait is over, the server stops', async () => {
  const pool = await openPool({ maxWaiting: 2, maxWaitMs: 5000 });
  await using _ = pool;
  const slot = await pool.acquire();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const first = expect(pool.acquire()).rejects.toMatchObject({
    code: 'SERVER_BUSY',
    status: 503,
    remedy: 'try again in a moment',
  });
  vi.advanceTimersByTime(4999);
  const second = expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  expect(pool.status).toEqual({ slotCount: 1, busyCount: 1, waitingCount: 2, confinement: pool.confinement });
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  vi.advanceTimersByTime(1);
  await first;
  expect(pool.status.waitingCount).toBe(1);
  await pool[Symbol.asyncDispose]();
  await second;
  expect([pool.status.waitingCount, vi.getTimerCount()]).toEqual([0, 0]);
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'SERVER_BUSY' });
  vi.useRealTimers();
  await pool.release(slot);
  expect(slot.isDead).toBe(true);
});

test('those who wait get a process in their order, except those who have gone', async () => {
  await using pool = await openPool({});
  await expect(pool.acquire(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  const slot = await pool.acquire();
  const clients = [0, 1, 2].map(() => new AbortController());
  const served: number[] = [];
  const [one, gone, two] = clients.map(async ({ signal }, index) => {
    const given = await pool.acquire(signal);
    served.push(index);
    return given;
  });
  const left = expect(gone).rejects.toMatchObject({ code: 'INTERRUPTED' });
  clients[1]?.abort();
  await left;
  expect(pool.status).toMatchObject({ busyCount: 1, waitingCount: 2 });
  await pool.release(slot);
  const again = await one;
  expect([again, served]).toEqual([slot, [0]]);
  // What a client does after it was served has no effect on those who wait.
  clients[0]?.abort();
  expect(pool.status.waitingCount).toBe(1);
  await pool.release(slot);
  expect([await two, served]).toEqual([slot, [0, 2]]);
  await pool.release(slot);
  expect(pool.status).toMatchObject({ slotCount: 1, busyCount: 0, waitingCount: 0 });
});

test('a process is replaced when it is an hour old', async () => {
  await using pool = await openPool({});
  const slot = await pool.acquire();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_590_000 });
  await pool.release(slot);
  expect(await pool.acquire()).toBe(slot);
  vi.setSystemTime(Date.now() + 20_000);
  await pool.release(slot);
  const next = await pool.acquire();
  expect([slot.isDead, next.isDead, next === slot]).toEqual([true, false, false]);
  await next.run('SELECT 1');
  await pool.release(next);
});

test('each query has a folder of its own, which goes with it, and all go with the pool', async () => {
  const pool = await openPool({});
  const slot = await pool.acquire();
  const first = slot.scratchDir;
  await writeFile(join(first, 'x'), '');
  await pool.release(slot);
  expect(existsSync(first)).toBe(false);
  const again = await pool.acquire();
  expect([again.scratchDir === first, existsSync(again.scratchDir)]).toEqual([false, true]);
  await pool[Symbol.asyncDispose]();
  expect(existsSync(join(again.scratchDir, '../../..'))).toBe(false);
});

test('a process whose next session cannot be opened is replaced, as soon as that can be done', async () => {
  const warn = vi.spyOn(log, 'warn').mockImplementation(() => undefined);
  const failed = vi.spyOn(log, 'error').mockImplementation(() => undefined);
  await using pool = await openPool({});
  const slot = await pool.acquire();
  const workDir = dirname(slot.scratchDir);
  // Files lie where the next session, and the first process after it, would have their folders.
  await writeFile(join(workDir, '2'), '');
  await writeFile(join(workDir, '../../1'), '');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const releasing = pool.release(slot);
  await expect.poll(() => failed.mock.calls.length).toBe(1);
  expect([slot.isDead, pool.status.slotCount, warn.mock.calls.length]).toEqual([true, 0, 1]);
  vi.advanceTimersByTime(499);
  await new Promise(setImmediate);
  expect(pool.status.slotCount).toBe(0);
  vi.advanceTimersByTime(1);
  await releasing;
  expect(pool.status).toMatchObject({ slotCount: 1, busyCount: 0 });
  expect(failed).toHaveBeenCalledTimes(1);
});

test('a pool whose processes end at once is not opened, and leaves nothing', async () => {
  const folder = await makeTestFolder();
  await writeFile(join(folder, 'prlimit'), '#!/bin/sh\nexit 0\n');
  await chmod(join(folder, 'prlimit'), 0o755);
  const temporary = await makeTestFolder();
  vi.stubEnv('PATH', folder);
  vi.stubEnv('TMPDIR', temporary);
  await expect(openPool({ slots: 2 })).rejects.toMatchObject({
    code: 'SANDBOX_UNAVAILABLE',
    message: 'a query process did not start',
    cause: { code: 'QUERY_CRASHED' },
  });
  expect(await readdir(temporary)).toEqual([]);
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
