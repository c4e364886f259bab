import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VERSION } from '../../src/index.ts';
import { makeTestFolder, pixlake, pixlakeProcess } from '../support/pixlake.ts';

const COMMANDS = [
  'attach',
  'delete',
  'demo',
  'detach',
  'history',
  'ingest',
  'optimize',
  'query',
  'restore',
  'run',
  'runs',
  'sample',
  'tables',
  'vacuum',
  'verify',
];

test('has help for each command, a version, and exit code 2 for misuse', async () => {
  const { stdout, code } = await pixlakeProcess('.', '--help');
  expect(code).toBe(0);
  const lines = stdout.split('\n').map((line) => /^ {2}(\w+) /u.exec(line)?.[1]);
  expect(lines).toEqual(expect.arrayContaining(COMMANDS));
  expect((await pixlakeProcess('.', '--version')).stdout).toBe(`${VERSION}\n`);
  expect((await pixlakeProcess('.', '-V')).stdout).toBe(`${VERSION}\n`);
  expect((await pixlake('.', 'ingest', '--help')).stdout).toContain('Examples:');
  expect((await pixlakeProcess('.', 'fly')).code).toBe(2);
  expect((await pixlake('.', 'query')).code).toBe(2);
});

test('a missing lake is named, with what to do', async () => {
  const folder = await makeTestFolder();
  const { code, stderr, stdout } = await pixlakeProcess(join(folder, 'nothing'), 'query', 'SELECT 1');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain('[LAKE_NOT_FOUND]');
  expect(stderr).toContain('pixlake ingest');
  expect(await readdir(folder)).toEqual([]);
});

test('SQL may begin with a comment, and errors are JSON where that is asked for', async () => {
  const lake = join(await makeTestFolder(), 'nothing');
  const shown = await pixlake(lake, 'query', '-- a comment\nSELECT 1', '--json');
  expect([shown.code, shown.stdout, JSON.parse(shown.stderr)]).toEqual([
    3,
    '',
    { error: { code: 'LAKE_NOT_FOUND', message: expect.any(String), remedy: expect.any(String) } },
  ]);
  const misused = await pixlake(lake, 'query', '--no-such-option');
  expect(misused).toMatchObject({ code: 2, stdout: '' });
  expect(misused.stderr).toContain('(add --help for examples)');
  for (const [command, message] of [
    ['query', "unknown option '--no-such-option'"],
    ['fly', "unknown command 'fly'"],
  ] as const) {
    const { code, stderr } = await pixlake(lake, command, '--no-such-option', '--json');
    expect([code, JSON.parse(stderr)]).toEqual([
      2,
      { error: { code: 'ARGUMENT_INVALID', message, remedy: '(add --help for examples)' } },
    ]);
  }
});
