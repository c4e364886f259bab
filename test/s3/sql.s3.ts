import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { drawJpeg, writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson, pixlakeProcess } from '../support/pixlake.ts';
import { type Fault, makeRandom, startFaultProxy } from './fault-proxy.ts';
import { hasS3, HTTPFS, must, testUri } from './s3-fixture.ts';

const ROWS = 60;
const READERS = HTTPFS === undefined ? ['cache'] : ['cache', 'httpfs'];
const COUNT =
  'SELECT gender, count(*)::INTEGER AS n, sum(id)::INTEGER AS ids FROM images GROUP BY ALL ORDER BY ALL';
const COUNTED = [
  { gender: 'Men', n: 30, ids: 900 },
  { gender: 'Women', n: 30, ids: 930 },
];
const SECRET = process.env['AWS_SECRET_ACCESS_KEY'] ?? '';

let lake: string;
let cacheDir: string;

beforeAll(async () => {
  if (!hasS3) return;
  lake = await testUri();
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  await must(lake, 'ingest', await writePlainCatalogue(folder, ROWS), '--partition-by', 'gender');
  return () => rm(folder, { recursive: true });
});

beforeEach(async () => {
  cacheDir = await makeTestFolder();
  vi.stubEnv('PIXLAKE_CACHE', cacheDir);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function query(lakeUri: string, sql: string, ...args: readonly string[]): Promise<unknown> {
  return pixlakeJson(lakeUri, 'query', sql, ...args);
}

async function cachedFiles(): Promise<string[]> {
  const names = await readdir(join(cacheDir, 'objects')).catch(() => []);
  return names.filter((name) => !name.endsWith('.crc32')).map((name) => join(cacheDir, 'objects', name));
}

const isDataFile = (path: string): boolean => path.includes('.parquet');

describe.skipIf(!hasS3).each(READERS)('SQL on S3 by %s', (reader) => {
  const way = ['--s3-reader', reader];

  test('gives the same rows as a folder, and reads no file that it may skip', async () => {
    const proxy = await startFaultProxy();
    const endpoint = ['--endpoint-url', proxy.url];
    const read = new Set<string>();
    proxy.weather = ({ path }) => {
      if (isDataFile(path)) read.add(/gender=\w+/u.exec(path)?.[0] ?? path);
      return undefined;
    };
    expect(await query(lake, COUNT, ...way, ...endpoint)).toEqual(COUNTED);
    expect([...read].sort()).toEqual(['gender=Men', 'gender=Women']);
    vi.stubEnv('PIXLAKE_CACHE', await makeTestFolder());
    read.clear();
    const women = `SELECT count(*)::INTEGER AS n FROM images WHERE gender = 'Women' AND year > 2010`;
    expect(await query(lake, women, ...way, ...endpoint)).toEqual([{ n: 20 }]);
    expect([...read]).toEqual(['gender=Women']);
  });

  test('values of partitions may hold anything', async () => {
    const values = ['a=b', 'c d', 'e+f', 'ü👟', 'g%20h', `i'j"k`, 'l/m', 'n#o?p', '*'];
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'images'));
    const image = await drawJpeg(1);
    for (const id of values.keys()) await writeFile(join(folder, 'images', `${id}.jpg`), image);
    const lines = values.map((value, id) => `${id},"${value.replaceAll('"', '""')}"`);
    await writeFile(join(folder, 'shelves.csv'), `id,shelf\n${lines.join('\n')}\n`);
    // No name above the table's folders may count.
    const odd = `${await testUri()}/shelf=wrong/dt=2020-01-01`;
    await must(odd, 'ingest', folder, '--table', 'odd', '--partition-by', 'shelf');
    const rows = await query(odd, 'SELECT shelf FROM odd ORDER BY id', ...way);
    expect(rows).toEqual(values.map((shelf) => ({ shelf })));
    for (const value of values) {
      const sql = `SELECT shelf FROM odd WHERE shelf = '${value.replaceAll("'", "''")}'`;
      expect(await query(odd, sql, ...way)).toEqual([{ shelf: value }]);
    }
  });

  test('an object that was deleted under way is named', async () => {
    const broken = await testUri();
    await must(broken, 'ingest', await writePlainCatalogue(await makeTestFolder(), 10));
    const store = openStore(broken);
    const [key = ''] = (await keysOf(store, 'tables')).filter(isDataFile);
    await store.delete(key);
    const { code, stderr } = await pixlake(broken, 'query', COUNT, ...way);
    expect(code).toBe(5);
    expect(stderr).toContain('[OBJECT_NOT_FOUND]');
    expect(stderr).toContain(key.slice(key.lastIndexOf('/')));
  });

  test.each<[string, string, number, Fault]>([
    ['no permission', 'STORAGE_DENIED', 5, { status: 403, code: 'AccessDenied' }],
    ['expired credentials', 'STORAGE_DENIED', 5, { status: 400, code: 'ExpiredToken' }],
  ])('%s is told, but no secret', async (_, code, exit, fault) => {
    const proxy = await startFaultProxy(({ path }) => (isDataFile(path) ? fault : undefined));
    const outcome = await pixlake(lake, 'query', COUNT, ...way, '--endpoint-url', proxy.url);
    expect(outcome.stderr).toContain(`[${code}]`);
    expect(outcome.code).toBe(exit);
    expect(outcome.stderr + outcome.stdout).not.toContain(SECRET);
  });

  test.each<[string, (random: () => number) => Fault | undefined]>([
    [
      '503 for 30 % of requests',
      (random) => (random() < 0.3 ? { status: 503, code: 'SlowDown' } : undefined),
    ],
    ['bodies cut off', (random) => (random() < 0.3 ? { cutAt: 0.5 } : undefined)],
    ['lost connections', (random) => (random() < 0.3 ? { losesAnswer: true } : undefined)],
    ['latency', () => ({ delayMs: 500 })],
  ])('%s changes no answer', async (_, weather) => {
    const random = makeRandom(3);
    let hitCount = 0;
    const proxy = await startFaultProxy(({ path }) => {
      const fault = weather(random);
      if (fault !== undefined && isDataFile(path)) hitCount += 1;
      return fault;
    });
    for (let round = 0; round < 3; round++) {
      vi.stubEnv('PIXLAKE_CACHE', await makeTestFolder());
      expect(await query(lake, COUNT, ...way, '--endpoint-url', proxy.url)).toEqual(COUNTED);
    }
    expect(hitCount).toBeGreaterThan(0);
  });

  test('what DuckDB knows of credentials does not show the secret', async () => {
    const { stdout, stderr, code } = await pixlake(lake, 'query', 'FROM duckdb_secrets(), images', ...way);
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain(SECRET);
  });
});

describe.skipIf(!hasS3)('the cache', () => {
  const way = ['--s3-reader', 'cache'];

  test('is shared by processes, and what lies in it is not fetched again', async () => {
    const proxy = await startFaultProxy();
    let fetches = 0;
    proxy.weather = ({ path }) => {
      if (isDataFile(path)) fetches += 1;
      return undefined;
    };
    const args = [...way, '--endpoint-url', proxy.url];
    const asked = Array.from({ length: 4 }, () => pixlakeProcess(lake, 'query', COUNT, ...args, '--json'));
    const answers = (await Promise.all(asked)).map(({ stdout }) => JSON.parse(stdout) as unknown);
    expect(answers).toEqual([COUNTED, COUNTED, COUNTED, COUNTED]);
    expect(await cachedFiles()).toHaveLength(2);
    expect(fetches).toBeGreaterThanOrEqual(2);
    fetches = 0;
    expect(await query(lake, COUNT, ...args)).toEqual(COUNTED);
    expect(fetches).toBe(0);
    expect(await readdir(join(cacheDir, 'tmp'))).toEqual([]);
  });

  test.each<[string, (path: string) => Promise<void>]>([
    [
      'other bytes',
      async (path) => {
        const bytes = await readFile(path);
        await writeFile(path, bytes.fill(0, 100, 200));
      },
    ],
    ['fewer bytes', async (path) => writeFile(path, (await readFile(path)).subarray(0, 100))],
    ['no checksum', async (path) => writeFile(`${path}.crc32`, '')],
  ])('finds a file with %s and fetches it again', async (_, damage) => {
    await query(lake, COUNT, ...way);
    const files = await cachedFiles();
    expect(files).toHaveLength(2);
    for (const path of files) await damage(path);
    const proxy = await startFaultProxy();
    const fetched = new Set<string>();
    proxy.weather = ({ path }) => {
      if (isDataFile(path)) fetched.add(path);
      return undefined;
    };
    // A process checks a file when it first reads it.
    const args = [...way, '--endpoint-url', proxy.url];
    const { stdout } = await pixlakeProcess(lake, 'query', COUNT, ...args, '--json');
    expect(JSON.parse(stdout)).toEqual(COUNTED);
    expect(fetched.size).toBe(2);
  });

  test('keeps within its bound and still answers', async () => {
    vi.stubEnv('PIXLAKE_CACHE_BYTES', '1000');
    expect(await query(lake, COUNT, ...way)).toEqual(COUNTED);
    expect(await cachedFiles()).toEqual([]);
    vi.stubEnv('PIXLAKE_CACHE_BYTES', '1000000');
    expect(await query(lake, COUNT, ...way)).toEqual(COUNTED);
    const files = await cachedFiles();
    expect(files).toHaveLength(2);
    const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
    vi.stubEnv('PIXLAKE_CACHE_BYTES', String(Math.max(...sizes) + 10));
    await must(lake, 'ingest', await writePlainCatalogue(await makeTestFolder(), ROWS), '--table', 'again');
    await query(lake, 'SELECT count(*) FROM again', ...way);
    expect((await cachedFiles()).length).toBeLessThan(2);
  });

  // Mounting a small disk needs the rights of root.
  test.skipIf(process.getuid?.() !== 0)('on a disk that is full', async () => {
    const disk = await makeTestFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk]);
    try {
      vi.stubEnv('PIXLAKE_CACHE', disk);
      const { code, stderr } = await pixlake(lake, 'query', COUNT, ...way);
      expect(stderr).toContain('[STORAGE_FULL]');
      expect(stderr).toContain(disk);
      expect(code).toBe(5);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe.skipIf(!hasS3)('the choice of the reader', () => {
  test('httpfs that cannot be had is an error where it is demanded', async () => {
    vi.stubEnv('PIXLAKE_HTTPFS', '/nowhere/httpfs.duckdb_extension');
    const { code, stderr } = await pixlake(lake, 'query', COUNT, '--s3-reader', 'httpfs');
    expect(stderr).toContain('[HTTPFS_UNAVAILABLE]');
    expect(stderr).toContain('--s3-reader cache');
    expect(code).toBe(5);
    expect(await query(lake, COUNT, '--s3-reader', 'cache')).toEqual(COUNTED);
  });

  test.skipIf(HTTPFS === undefined)('auto takes httpfs for more than the cache can hold', async () => {
    expect(await query(lake, COUNT)).toEqual(COUNTED);
    expect(await cachedFiles()).toHaveLength(2);
    cacheDir = await makeTestFolder();
    vi.stubEnv('PIXLAKE_CACHE', cacheDir);
    vi.stubEnv('PIXLAKE_CACHE_BYTES', '1000');
    expect(await query(lake, COUNT)).toEqual(COUNTED);
    expect(await cachedFiles()).toEqual([]);
  });
});

test.skipIf(!hasS3)('tables on S3 are attached to a folder and to another bucket prefix', async () => {
  const folder = join(await makeTestFolder(), 'lake');
  const other = await testUri();
  for (const home of [folder, other]) {
    await must(home, 'ingest', await writePlainCatalogue(await makeTestFolder(), 20));
    await must(home, 'attach', 'theirs', `${lake}/tables/images`);
    const sql = 'SELECT count(*)::INTEGER AS n FROM images JOIN theirs USING (id)';
    const found: unknown[] = [];
    for (const reader of READERS) found.push(await query(home, sql, '--s3-reader', reader));
    expect(found).toEqual(Array.from(READERS, () => [{ n: 20 }]));
  }
});

describe.skipIf(!hasS3)('links', () => {
  test('open the very images, without credentials', async () => {
    const sql = 'SELECT id, image_key FROM images ORDER BY id LIMIT 3';
    const rows = await pixlakeJson<{ image_key: string; image_url: string }[]>(
      lake,
      'query',
      sql,
      '--with-urls',
      '--url-expires',
      '10m',
    );
    expect(rows).toHaveLength(3);
    for (const { image_key: key, image_url: url } of rows) {
      expect(url).toContain('X-Amz-Expires=600');
      expect(url).not.toContain(SECRET);
      const answer = await fetch(url);
      expect(answer.headers.get('content-type')).toBe('image/jpeg');
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(await openStore(lake).read(key));
    }
  });

  test('expire', async () => {
    const [row] = await pixlakeJson<{ image_url: string }[]>(
      lake,
      'query',
      'SELECT image_key FROM images LIMIT 1',
      '--with-urls',
      '--url-expires',
      '1s',
    );
    await vi.waitFor(async () => expect((await fetch(row?.image_url ?? '')).status).toBe(403), {
      timeout: 20_000,
      interval: 500,
    });
  });
});
