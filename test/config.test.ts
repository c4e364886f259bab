import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { SOFTWARE, VERSION } from '../src/config.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

test('the version is that of the package, and part of the name of the software', () => {
  const text = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  expect(VERSION).toBe((JSON.parse(text) as { version: string }).version);
  expect(SOFTWARE).toBe(`pixlake/${VERSION}`);
});

test.each([
  [undefined, 'warn'],
  ['error', 'error'],
])(
  'with the level %s, the log tells of %s and worse, at once and on standard error',
  async (given, level) => {
    vi.stubEnv('PIXLAKE_LOG_LEVEL', given);
    vi.resetModules();
    const { log } = await import('../src/config.ts');
    expect([log.level, log.bindings()]).toEqual([level, { name: 'pixlake' }]);
    const stream = (log as unknown as Record<symbol, { fd: number; sync: boolean }>)[pino.symbols.streamSym];
    expect([stream?.fd, stream?.sync]).toEqual([2, true]);
  },
);
