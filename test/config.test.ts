import pino from 'pino';
import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
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
