import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { pixlake } from '../support/pixlake.ts';

const wordsAfter = async (...words: readonly string[]): Promise<string[]> =>
  (await pixlake('.', 'completion', 'words', ...words)).stdout.trimEnd().split('\n');

test('the commands, those below one, and the options of one are completed', async () => {
  expect(await wordsAfter()).toEqual(
    expect.arrayContaining(['ingest', 'query', 'run', 'completion', '--help']),
  );
  expect(await wordsAfter('runs')).toEqual(expect.arrayContaining(['list', 'show', 'retry', '--help']));
  const options = await wordsAfter('query', 'SELECT 1', '--format');
  expect(options).toEqual(expect.arrayContaining(['--format', '--limit', '--json']));
  expect(options).not.toContain('ingest');
});

test.each(['bash', 'zsh', 'fish'])('%s gets a script that asks for words', async (shell) => {
  const { stdout, code } = await pixlake('.', 'completion', shell);
  expect(code).toBe(0);
  expect(stdout).toContain('pixlake completion words');
});

test('bash completes by it', async () => {
  const { stdout } = await pixlake('.', 'completion', 'bash');
  const typed = `pixlake() { echo "$*" >&2; printf 'list\\nshow\\nsheet\\n'; }
    ${stdout}
    COMP_WORDS=(pixlake runs sh) COMP_CWORD=2
    _pixlake
    echo "\${COMPREPLY[*]}"`;
  expect(execFileSync('bash', ['-c', typed], { encoding: 'utf8', stdio: 'pipe' })).toBe('show sheet\n');
});

test('another shell is refused by name', async () => {
  const { code, stderr } = await pixlake('.', 'completion', 'cmd');
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
