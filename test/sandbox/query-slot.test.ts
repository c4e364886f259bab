import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProcessBounds } from '../../src/sandbox/query-launcher.ts';
import type { QuerySlot } from '../../src/sandbox/query-slot.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

// The entry of query processes is in the build alone.
const build = join(import.meta.dirname, '../../dist');
const from = async <T>(file: string): Promise<T> =>
  (await import(pathToFileURL(join(build, file)).href)) as T;
const Slot = (await from<typeof import('../../src/sandbox/query-slot.ts')>('sandbox/query-slot.js'))
  .QuerySlot;
const { openLocalStore } =
  await from<typeof import('../../src/storage/local-store.ts')>('storage/local-store.js');
const { PixlakeError } = await from<typeof import('../../src/errors.ts')>('errors.js');

const ENDLESS = 'SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b';

let workDir: string;

const startSlot = (more: Partial<ProcessBounds> = {}): QuerySlot =>
  new Slot({
    confinement: 'none',
    workDir,
    memoryBytes: 400 * 1024 ** 2 + 1,
    fileBytes: 3 * 1024 ** 2,
    needsNetwork: false,
    ...more,
  });

const killed = (): InstanceType<typeof PixlakeError> =>
  new PixlakeError('INTERNAL_ERROR', 'killed by the test');

const signal = (slot: QuerySlot, name: NodeJS.Signals): boolean => process.kill(slot.pid ?? 0, name);

beforeEach(async () => {
  workDir = await makeTestFolder();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('a process of', () => {
  let root: string;
  let slot: QuerySlot;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    slot = startSlot({ workDir: root });
  });

  beforeEach(() => slot.open(1, 60_000));
  afterEach(() => slot.close());

  afterAll(async () => {
    slot.kill(killed());
    await rm(root, { recursive: true, force: true });
  });

  const settingOf = async (name: string): Promise<string> => {
    const sql = `SELECT current_setting('${name}') AS v`;
    const piece = await slot.ask({ kind: 'start', format: 'csv', sql, parameters: {}, paths: [] });
    return Buffer.from((piece as { bytes: Uint8Array }).bytes).toString();
  };

  test('one session after the other has bounds and a folder for each', async () => {
    expect([slot.sessionCount, slot.scratchDir, slot.paths]).toEqual([1, join(root, '1'), []]);
    expect(await settingOf('memory_limit')).toBe('v\n200.0 MiB\n');
    expect(await settingOf('max_temp_directory_size')).toBe('v\n3.0 MiB\n');
    expect(await settingOf('threads')).toBe('v\n1\n');
    expect(await readdir(root)).toEqual(['1']);
    await slot.close();
    expect(await readdir(root)).toEqual([]);
    await slot.open(2, 60_000);
    expect([slot.sessionCount, slot.scratchDir, slot.isDead]).toEqual([2, join(root, '2'), false]);
    expect(await settingOf('threads')).toBe('v\n2\n');
    expect(slot.ageMs).toBeGreaterThanOrEqual(0);
    expect(slot.ageMs).toBeLessThan(60_000);
  });

  test('a session knows which files it may read', async () => {
    const object = (key: string): { key: string; sizeBytes: number; modifiedMs: number } => ({
      key,
      sizeBytes: 3,
      modifiedMs: 1,
    });
    expect(await slot.locate(openLocalStore('/lake'), [object('a'), object('b')])).toEqual([
      '/lake/a',
      '/lake/b',
    ]);
    await slot.locate(openLocalStore('/lake'), [object('b'), object('c')]);
    expect(slot.paths).toEqual(['/lake/a', '/lake/b', '/lake/c']);
    await slot.close();
    await slot.open(1, 60_000);
    expect(slot.paths).toEqual([]);
  });

  test('a session reads objects of S3 from files that go with it', async () => {
    const [cacheDir, objectsDir] = [await makeTestFolder(), join(workDir, 'objects')];
    let madeCount = 0;
    const store = withFaults(openLocalStore('/nowhere'), {
      uri: 's3://bucket/lake',
      locate: (key) => `s3://bucket/lake/${key}`,
      async makeScratchDir() {
        madeCount += 1;
        await mkdir(objectsDir);
        return objectsDir;
      },
      remote: {
        // Not even for more than the cache holds: the process has no network.
        reader: 'auto',
        cacheBytes: 1,
        cacheDir,
        httpfsPath: undefined,
        connect: () => Promise.reject(new Error('not asked for')),
        signUrl: () => Promise.reject(new Error('not asked for')),
        download: (_key, path) => writeFile(path, 'a,b'),
      },
    });
    const [path = ''] = await slot.locate(store, [{ key: 'x.csv', sizeBytes: 3, modifiedMs: 1 }]);
    expect([path.startsWith(objectsDir), await readFile(path, 'utf8')]).toEqual([true, 'a,b']);
    expect(await slot.locate(store, [{ key: 'x.csv', sizeBytes: 3, modifiedMs: 1 }])).toEqual([path]);
    expect([madeCount, slot.paths]).toEqual([1, [path]]);
    await slot.close();
    expect(existsSync(objectsDir)).toBe(false);
    await slot.open(1, 60_000);
    await slot.locate(store, [{ key: 'x.csv', sizeBytes: 3, modifiedMs: 1 }]);
    expect(madeCount).toBe(2);
  });

  test('replies as pixlake errors, with what to do where that is known', async () => {
    expect(JSON.parse(await slot.serialize('FROM t'))).toMatchObject({ error: false });
    await expect(slot.run("FROM read_parquet('/nowhere/x')")).rejects.toMatchObject({
      name: 'PixlakeError',
      code: 'OBJECT_NOT_FOUND',
      message: expect.stringContaining('/nowhere/x'),
      remedy: expect.stringContaining('pixlake vacuum'),
    });
    await expect(slot.run('SELECT nope')).rejects.toMatchObject({ code: 'SQL_FAILED', remedy: undefined });
  });

  test('a session that is interrupted goes on, and one that has nothing to do is left alone', async () => {
    const path = join(slot.scratchDir, 'begun');
    const sql = `COPY (FROM range(10000000000000)) TO ${quoteText(path)} (USE_TMP_FILE false)`;
    const stopped = expect(slot.run(sql)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect.poll(() => existsSync(path), { interval: 5 }).toBe(true);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    slot.interrupt();
    await stopped;
    vi.advanceTimersByTime(10_000);
    await slot.run('SELECT 1');
    expect(slot.isDead).toBe(false);
  });

  test('a session that was interrupted and ended does not end the next one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    slot.interrupt();
    await slot.close();
    await slot.open(1, 60_000);
    const running = slot.run('SELECT 1');
    vi.advanceTimersByTime(2000);
    await running;
    expect(slot.isDead).toBe(false);
  });
});

describe('a process is ended', () => {
  test('if a session takes longer than it may, all its requests together', async () => {
    const slot = startSlot();
    await slot.open(1, 60_000);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    slot.allow(1000);
    const first = slot.run('SELECT 1');
    vi.advanceTimersByTime(400);
    await first;
    expect(vi.getTimerCount()).toBe(0);
    const second = expect(slot.run(ENDLESS)).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
      remedy: expect.stringContaining('fewer rows'),
    });
    vi.advanceTimersByTime(599);
    expect(slot.isDead).toBe(false);
    vi.advanceTimersByTime(1);
    await second;
    expect(slot.isDead).toBe(true);
    await expect(slot.run('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  });

  test('once, for the first reason, which all who wait are told', async () => {
    const slot = startSlot();
    await slot.open(1, 60_000);
    const waiting = [slot.run(ENDLESS), slot.run('SELECT 1')].map((asked) =>
      expect(asked).rejects.toThrow('killed by the test'),
    );
    slot.kill(killed());
    slot.kill(new PixlakeError('QUERY_CRASHED', 'again'));
    await Promise.all(waiting);
    expect(waiting).toHaveLength(2);
    await expect(slot.run('SELECT 1')).rejects.toThrow('killed by the test');
    slot.interrupt();
    await slot.close();
    expect(await readdir(workDir)).toEqual([]);
    await expect.poll(() => existsSync(`/proc/${slot.pid}/cwd`)).toBe(false);
  });

  test('if it does not react to being interrupted', async () => {
    const slot = startSlot();
    await slot.open(1, 60_000);
    signal(slot, 'SIGSTOP');
    const asked = expect(slot.run('SELECT 1')).rejects.toMatchObject({
      code: 'INTERRUPTED',
      message: 'the client no longer waits for the query',
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    slot.interrupt();
    vi.advanceTimersByTime(1999);
    expect(slot.isDead).toBe(false);
    vi.advanceTimersByTime(1);
    await asked;
    expect(slot.isDead).toBe(true);
  });

  test('if it does not end a session in time', async () => {
    const slot = startSlot();
    await slot.open(1, 60_000);
    signal(slot, 'SIGSTOP');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const closing = slot.close();
    vi.advanceTimersByTime(1999);
    expect(slot.isDead).toBe(false);
    vi.advanceTimersByTime(1);
    await closing;
    expect([slot.isDead, await readdir(workDir)]).toEqual([true, []]);
  });
});

test.skipIf(!existsSync('/usr/bin/prlimit'))(
  'a result that is larger than a file may be is told as such',
  async () => {
    const slot = startSlot({ confinement: 'limits', memoryBytes: 1024 ** 3, fileBytes: 100_000 });
    await slot.open(1, 60_000);
    const sql = 'SELECT hash(range) AS h FROM range(200000)';
    const path = join(slot.scratchDir, 'result.parquet');
    const copying = slot.ask({ kind: 'copy', path, asTableTypes: false, sql, parameters: {}, paths: [] });
    await expect(copying).rejects.toMatchObject({
      code: 'QUERY_OUT_OF_MEMORY',
      message: 'the result needs more disk space than allowed',
    });
    expect(slot.isDead).toBe(false);
    slot.kill(killed());
  },
);

describe('a process that ends by itself is told by', () => {
  test('the signal', async () => {
    const slot = startSlot();
    await slot.open(1, 60_000);
    const crashed = expect(slot.run(ENDLESS)).rejects.toMatchObject({
      code: 'QUERY_CRASHED',
      message: 'the process of the query died (SIGKILL)',
      remedy: expect.stringContaining('fewer rows'),
    });
    signal(slot, 'SIGKILL');
    await crashed;
    expect(slot.isDead).toBe(true);
  });

  test('its exit code', async () => {
    await writeFile(join(workDir, 'prlimit'), '#!/bin/sh\nexit 3\n');
    await chmod(join(workDir, 'prlimit'), 0o755);
    vi.stubEnv('PATH', workDir);
    const slot = startSlot({ confinement: 'limits' });
    await expect.poll(() => slot.isDead).toBe(true);
    await expect(slot.run('SELECT 1')).rejects.toThrow('the process of the query died (exit code 3)');
  });

  test('why it could not start', async () => {
    vi.stubEnv('PATH', workDir);
    const slot = startSlot({ confinement: 'limits' });
    await expect.poll(() => slot.isDead).toBe(true);
    await expect(slot.run('SELECT 1')).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/^a query process cannot be started: .*ENOENT/u),
    });
  });
});
