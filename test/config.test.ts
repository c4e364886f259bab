import { spawnSync } from 'node:child_process';
import pino from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { ERASE_LINE } from '../src/config.ts';
import { importFresh } from './support/import-fresh.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const load = async (level: string | undefined): Promise<typeof import('../src/config.ts')> => {
  vi.stubEnv('PIXLAKE_LOG_LEVEL', level);
  return importFresh<typeof import('../src/config.ts')>('config.ts');
};

test.each([
  [undefined, 'warn'],
  ['error', 'error'],
])(
  'with the level %s, the log tells of %s and worse, at once and on standard error',
  async (given, level) => {
    const { openLog } = await load(given);
    const logger = openLog();
    expect([logger.level, logger.bindings()]).toEqual([level, { name: 'pixlake' }]);
    const stream = (logger as unknown as Record<symbol, { fd: number; sync: boolean }>)[
      pino.symbols.streamSym
    ];
    expect([stream?.fd, stream?.sync]).toEqual([2, true]);
    expect(openLog()).toBe(logger);
  },
);

/** What a program that uses the log writes to standard error. */
function stderrOf(program: string, level: string | undefined, before = ''): string {
  const config = new URL('../dist/config.js', import.meta.url).href;
  const script = `${before}
    const { log, openLog } = await import(${JSON.stringify(config)});
    ${program}`;
  const args = ['--input-type=module', '-e', script];
  return String(
    spawnSync(process.execPath, args, { env: { ...process.env, PIXLAKE_LOG_LEVEL: level } }).stderr,
  );
}

test.each([
  [undefined, 'undefined', ['a warning', 'an error']],
  ['silent', 'undefined', []],
  ['info', 'undefined', ['some news', 'a warning', 'an error']],
  ['debug', 'undefined', ['some news', 'a warning', 'an error']],
  [undefined, "'info'", ['some news', 'a warning', 'an error']],
])('with the level %s, which then becomes %s, the log tells %j', (given, later, told) => {
  const stderr = stderrOf(
    `const later = ${later};
     if (later !== undefined) openLog().level = later;
     log.info({ id: 1 }, 'some news');
     log.warn('a warning');
     log.error('an error');`,
    given,
  );
  const lines = stderr.split('\n').filter(Boolean);
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(told);
});

test('on a terminal, a message takes the line of what is drawn there', () => {
  const terminal = `
    import tty from 'node:tty';
    import { syncBuiltinESMExports } from 'node:module';
    tty.isatty = () => true;
    syncBuiltinESMExports();`;
  const stderr = stderrOf("log.warn('one'); log.warn('two');", undefined, terminal);
  const told = stderr.split(ERASE_LINE);
  expect(told.map((text) => text.replace(/^\{.*"msg":"(?<message>\w+)"\}\n$/u, '$<message>'))).toEqual([
    '',
    'one',
    'two',
  ]);
});
