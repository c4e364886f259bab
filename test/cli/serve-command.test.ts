import { expect, test } from 'vitest';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

test('serve names its options and where others may not reach it', async () => {
  const { code, stdout } = await pixlake('.', 'serve', '--help');
  expect(code).toBe(0);
  for (const option of ['--host <address>', '--port <n>', '--api-keys <file>', '--query-timeout <duration>'])
    expect(stdout).toContain(option);
  expect(stdout).toContain('Without --api-keys');
});

test.each([
  [['--port', 'any'], 2, 'whole number'],
  [['--query-timeout', '5'], 2, 'expected a duration'],
  [['--query-memory', 'much'], 2, 'expected a size'],
  [['--query-slots', '0'], 2, 'at least 1'],
  [['--requests-at-once', '0'], 2, 'at least 1'],
])('serve %j exits with %i before it listens', async (args, code, text) => {
  const lake = await makeTestFolder();
  expect(await pixlake(lake, 'serve', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
