import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { BOUNDED, REFUSED } from './hostile-sql.ts';
import { memoryOf, type Problem, useServer } from '../api/server-fixture.ts';

const server = useServer(20, '--query-timeout', '0.5s', '--query-memory', '768MB', '--max-rows', '100000');

/** Codes by which the parser and the list of what is allowed refuse, before anything is run. */
const REFUSALS = new Set([
  'SQL_REFUSED',
  'SQL_NOT_SELECT',
  'SQL_SYNTAX',
  'SQL_EMPTY',
  'SQL_MULTIPLE_STATEMENTS',
  'TABLE_NOT_FOUND',
  'TABLE_NAME_INVALID',
]);

let dataFile: string;

async function listLake(): Promise<string[]> {
  const names = (await readdir(server.lake, { recursive: true })).filter((name) => !name.startsWith('.tmp'));
  const described = names.sort().map(async (name) => {
    const { size, mtimeMs } = await stat(join(server.lake, name));
    return `${name} ${size} ${mtimeMs}`;
  });
  return Promise.all(described);
}

interface Answer {
  readonly status: number | 'cut off';
  readonly problem: Problem | undefined;
  readonly text: string;
}

async function ask(sql: string): Promise<Answer> {
  const response = await server.current.post('/v1/query', { sql, format: 'ndjson' });
  try {
    const text = await response.text();
    return {
      status: response.status,
      text,
      problem: response.ok ? undefined : (JSON.parse(text) as Problem),
    };
  } catch {
    // The result turned out too large, or its query died, when rows had been sent.
    return { status: 'cut off', problem: undefined, text: '' };
  }
}

function fill(sql: string): string {
  return sql.replaceAll('{lake}', server.lake).replaceAll('{file}', dataFile);
}

let before: string[];

beforeAll(async () => {
  const names = await readdir(server.lake, { recursive: true });
  dataFile = join(
    server.lake,
    names.find((name) => name.startsWith('tables/') && name.endsWith('.parquet')) ?? '',
  );
  before = await listLake();
});

test('the corpus is large enough to mean something, and names each string once', () => {
  const all = [...Object.values(REFUSED), ...Object.values(BOUNDED)].flat();
  expect(all.length).toBeGreaterThanOrEqual(150);
  expect(new Set(all).size).toBe(all.length);
});

const END_OF = {
  'cross joins and recursion': 'QUERY_TIMEOUT',
  memory: 'QUERY_OUT_OF_MEMORY',
  'texts that take long': 'QUERY_TIMEOUT',
  'results that are too large': 'cut off',
  'what crashes or fails': 'SQL_FAILED',
} as const;

describe('hostile SQL', () => {
  test.each(Object.entries(REFUSED))(
    '%s is refused before it is run, and tells nothing',
    async (_kind, queries) => {
      expect(queries).not.toEqual([]);
      for (const sql of queries) {
        const { status, problem, text } = await ask(fill(sql));
        const shown = `${sql.slice(0, 100)} -> ${text.slice(0, 300)}`;
        expect([400, 404], shown).toContain(status);
        expect(REFUSALS, shown).toContain(problem?.code);
        expect(text, shown).not.toMatch(/root:|pixlake-serve-|node_modules|\/home\/|\/tmp\/pixlake/u);
      }
    },
  );

  test.each(Object.entries(BOUNDED))(
    "%s come to an end that is the client's fault",
    async (kind, queries) => {
      const ends = new Set<unknown>();
      expect(queries).not.toEqual([]);
      for (const sql of queries) {
        const { status, problem, text } = await ask(fill(sql));
        const shown = `${sql.slice(0, 100)} -> ${status} ${text.slice(0, 300)}`;
        ends.add(problem?.code ?? status);
        if (status === 'cut off') continue;
        // Some builds of DuckDB are quick enough for some of these.
        if (status !== 200) expect(status, shown).toBe(422);
        if (problem !== undefined)
          expect(
            ['QUERY_TIMEOUT', 'QUERY_OUT_OF_MEMORY', 'QUERY_CRASHED', 'RESULT_TOO_LARGE', 'SQL_FAILED'],
            shown,
          ).toContain(problem.code);
        expect(text.length, shown).toBeLessThan(10_000);
      }
      // Each kind meets the bound that it is about.
      expect(ends).toContain(END_OF[kind as keyof typeof END_OF]);
    },
    120_000,
  );

  test('leaves the lake, the server and the machine as they were', async () => {
    expect(await ask('SELECT count(*) AS n FROM images')).toMatchObject({ status: 200, text: '{"n":20}\n' });
    expect(await listLake()).toEqual(before);
    expect(await memoryOf(server.current.process.pid ?? 0)).toBeLessThan(600 * 1024 ** 2);
    const { stdout } = await promisify(execFile)('ps', [
      '--ppid',
      String(server.current.process.pid),
      '-o',
      'pid=',
    ]);
    expect(stdout.trim().split('\n').length).toBeLessThanOrEqual(4);
  });
});
