import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProcessBounds } from '../../src/sandbox/query-launcher.ts';
import { makeTestFolder } from '../support/pixlake.ts';

// The entry of query processes is in the build alone.
const build = join(import.meta.dirname, '../../dist/sandbox');
const { launchQueryProcess, probeConfinement } = (await import(
  pathToFileURL(join(build, 'query-launcher.js')).href
)) as typeof import('../../src/sandbox/query-launcher.ts');

let workDir: string;
let programs: string;

beforeEach(async () => {
  const folder = await realpath(await makeTestFolder());
  workDir = join(folder, 'work');
  programs = join(folder, 'programs');
  await mkdir(workDir);
  await mkdir(programs);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Puts a program in the place of one of the system's: it notes how it was called, and ends with a code. */
async function standIn(name: string, code: number): Promise<void> {
  const path = join(programs, name);
  const noted = join(programs, `${name}.noted`);
  await writeFile(
    path,
    `#!/bin/sh\nfor one in "$0" "$@"; do echo "$one"; done > ${noted}\npwd >> ${noted}\nset >> ${noted}\nexit ${code}\n`,
  );
  await chmod(path, 0o755);
  vi.stubEnv('PATH', programs);
}

const notedOf = async (name: string): Promise<string[]> =>
  (await readFile(join(programs, `${name}.noted`), 'utf8')).split('\n');

const bounds = (more: Partial<ProcessBounds>): ProcessBounds => ({
  confinement: 'limits',
  workDir,
  memoryBytes: 1000,
  fileBytes: 2000,
  needsNetwork: false,
  ...more,
});

const LIMITED = [
  '--data=1000',
  '--fsize=2000',
  '--core=0',
  process.execPath,
  join(build, 'query-process.js'),
];

describe('a query process is started', () => {
  test('under bounds, in its folder, without what the environment may hold of secrets', async () => {
    await standIn('prlimit', 3);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    vi.stubEnv('HOME', '/home/of-the-server');
    const child = launchQueryProcess(bounds({}));
    expect(await once(child, 'exit')).toEqual([3, null]);
    const noted = await notedOf('prlimit');
    expect(noted.slice(1, 7)).toEqual([...LIMITED, workDir]);
    const variables = noted.filter((line) => /^(?:AWS_SECRET_ACCESS_KEY|HOME|PATH)=/u.test(line));
    expect(variables.map((line) => line.replaceAll("'", '')).sort()).toEqual([
      'HOME=/home/of-the-server',
      `PATH=${programs}`,
    ]);
  });

  test('without a variable that the server does not have', async () => {
    await standIn('prlimit', 0);
    vi.stubEnv('HOME', undefined);
    await once(launchQueryProcess(bounds({})), 'exit');
    expect((await notedOf('prlimit')).filter((line) => line.startsWith('HOME='))).toEqual([]);
  });

  test.each([
    [false, '-rmn'],
    [true, '-rm'],
  ])('in namespaces, with a network only if it needs one: %s', async (needsNetwork, flags) => {
    await standIn('unshare', 0);
    await once(launchQueryProcess(bounds({ confinement: 'namespaces', needsNetwork })), 'exit');
    const noted = await notedOf('unshare');
    expect(noted.slice(1, 5)).toEqual([flags, '--', 'sh', '-c']);
    const last = noted.indexOf('prlimit');
    expect(noted.slice(last - 2, last + 6)).toEqual(['sh', workDir, 'prlimit', ...LIMITED]);
  });

  describe('without bounds', () => {
    let child: ChildProcess;
    const ask = async (id: number, request: object): Promise<unknown> => {
      child.send({ id, request });
      return (await once(child, 'message'))[0] as unknown;
    };

    beforeEach(() => {
      child = launchQueryProcess(bounds({ confinement: 'none' }));
    });

    test('and answers until the server is gone, whatever Ctrl-C asks for', async () => {
      expect(await ask(7, { kind: 'interrupt' })).toEqual({ id: 7, value: undefined });
      expect(await ask(8, { kind: 'pull' })).toEqual({
        id: 8,
        error: { code: 'INTERNAL_ERROR', message: 'no session is open' },
      });
      child.kill('SIGINT');
      expect(await ask(9, { kind: 'close' })).toEqual({ id: 9, value: undefined });
      child.disconnect();
      expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    });
  });
});

test.each([
  ['namespaces', 0, 0],
  ['limits', 1, 0],
  ['none', 1, 1],
] as const)(
  '%s is what a machine offers where unshare ends with %i and prlimit with %i',
  async (best, unshare, prlimit) => {
    await standIn('unshare', unshare);
    await standIn('prlimit', prlimit);
    expect(await probeConfinement(workDir)).toBe(best);
    expect((await notedOf('unshare')).slice(1, 3)).toEqual(['-rmn', '--']);
    if (best === 'namespaces') return;
    expect((await notedOf('prlimit')).slice(1, 6)).toEqual([
      `--data=${1024 ** 3}`,
      '--fsize=1024',
      '--core=0',
      process.execPath,
      '--version',
    ]);
  },
);

test('a machine without either offers none', async () => {
  vi.stubEnv('PATH', programs);
  expect(await probeConfinement(workDir)).toBe('none');
});
