import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BOUNDED, REFUSED } from './hostile-sql.ts';
import { startServerUnder, type TestServer } from '../api/server-fixture.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { pixlakeJson } from '../support/pixlake.ts';

/** Whether strace is here; where it is not the test skips, but fails if CI is set. */
function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI']) throw new Error('strace is not installed', { cause: error });
    console.log('SKIPPED: strace is not installed, so that nobody watches which files are opened');
    return false;
  }
}

const isWatched = hasStrace();
let folder: string;
let lake: string;
let tracePath: string;
let server: TestServer;

beforeAll(async () => {
  if (!isWatched) return;
  folder = await mkdtemp(join(tmpdir(), 'pixlake-audit-'));
  lake = join(folder, 'lake');
  tracePath = join(folder, 'trace');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 20));
  const calls = 'trace=open,openat,openat2,creat,connect,execve,unlink,unlinkat,rename,renameat,renameat2';
  // -D leaves the server as the child that the fixture starts and stops.
  const strace = ['strace', '-D', '-f', '--seccomp-bpf', '-qq', '-s', '512', '-e', calls, '-o', tracePath];
  server = await startServerUnder(strace, lake, '--query-timeout', '1.5s', '--query-memory', '768MB');
});

afterAll(async () => {
  if (!isWatched) return;
  await server.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function ask(sql: string): Promise<void> {
  const response = await server.post('/v1/query', { sql, format: 'ndjson' });
  await response.text().catch(() => undefined);
}

/** strace breaks the line of a call while which another process does something. */
function* joinHalves(lines: readonly string[]): Generator<string> {
  const begun = new Map<string, string>();
  for (const line of lines) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/u.exec(line) ?? [];
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/u.exec(rest) ?? [];
    if (rest.endsWith('<unfinished ...>')) begun.set(pid, line.slice(0, -'<unfinished ...>'.length));
    else yield end === undefined ? line : `${begun.get(pid) ?? ''}${end}`;
    if (end !== undefined) begun.delete(pid);
  }
  // Calls that never returned, since their process was killed.
  yield* begun.values();
}

/** Folders for temporary files; see `storage/process-mark.ts`. */
const SCRATCH = new RegExp(`^${tmpdir()}/pixlake-[0-9a-f]{12}\\.\\d+\\.`, 'u');

/** What was done since a place in the trace, each thing once: files outside lake and scratch folders, programs, connections. */
async function deedsSince(offset: number): Promise<Set<string>> {
  const lines = joinHalves((await readFile(tracePath, 'utf8')).slice(offset).split('\n'));
  const deeds = new Set<string>();
  for (const line of lines) {
    const [, call = '', text = ''] = /^\d+ +(\w+)\((.*)$/u.exec(line) ?? [];
    if (call === '' || / = -1 E\w+ \(/u.test(line)) continue;
    if (call === 'connect') {
      deeds.add(`connect ${text.slice(0, 80)}`);
      continue;
    }
    const path = /"((?:[^"\\]|\\.)*)"/u.exec(text)?.[1] ?? '';
    const isOwn = path.startsWith(`${lake}/`) || path === lake || SCRATCH.test(path);
    if (!isOwn) deeds.add(`${call} ${path.replace(/^\/proc\/\d+\//u, '/proc/*/')}`);
  }
  return deeds;
}

test.runIf(isWatched)(
  'hostile SQL opens no file, starts no program and connects to nothing, but what starting a query process does',
  async () => {
    // What is done for queries that only take too long, whose processes are replaced, may be done for others.
    const endless = 'SELECT count(*) FROM range(100000000000) a(x) WHERE x % 3 = 1';
    for (let count = 0; count < 3; count++) {
      await ask(endless);
      await ask('SELECT gender, count(*) FROM images GROUP BY ALL');
    }
    const harmless = await deedsSince(0);
    expect(harmless.size).toBeGreaterThan(20);
    expect([...harmless].filter((deed) => /passwd|shadow|^connect.*sin6?_addr/u.test(deed))).toEqual([]);

    const { size: offset } = await stat(tracePath);
    const file = (await readdir(lake, { recursive: true })).find((name) =>
      /^tables\/.*\.parquet$/u.test(name),
    );
    const corpus = [...Object.values(REFUSED), ...Object.values(BOUNDED)].flat();
    for (const sql of corpus)
      await ask(sql.replaceAll('{lake}', lake).replaceAll('{file}', join(lake, file ?? '')));
    await ask('SELECT count(*) FROM images');
    const deeds = await deedsSince(offset);
    expect(deeds.size).toBeGreaterThan(20);
    expect([...deeds].filter((deed) => !harmless.has(deed))).toEqual([]);
    console.log(
      `${corpus.length} hostile queries: ${deeds.size} different deeds, all of them of starting a process`,
    );
  },
);
