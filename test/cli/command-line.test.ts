import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  anyNumber,
  byteSize,
  duration,
  errorLimit,
  interruptible,
  nameList,
  printError,
  printJson,
  s3Options,
  shortPath,
  wholeNumber,
} from '../../src/cli/command-line.ts';
import { PixlakeError } from '../../src/errors.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What is written to a stream while something is printed. */
function printed(name: 'stdout' | 'stderr', print: () => void): string {
  const write = vi.spyOn(process[name], 'write').mockReturnValue(true);
  print();
  return write.mock.calls.map(([text]) => String(text)).join('');
}

describe('an argument', () => {
  test.each<[string, (text: string) => unknown, string, unknown]>([
    ['a whole number at its bound', wholeNumber(1), '1', 1],
    ['zero where it may be', wholeNumber(0), '0', 0],
    ['a number with a fraction', anyNumber, '-0.5', -0.5],
    ['seconds', duration, '90s', 90_000],
    ['minutes', duration, '30m', 1_800_000],
    ['hours in capitals', duration, '12H', 43_200_000],
    ['half a day', duration, '0.5d', 43_200_000],
    ['weeks', duration, ' 2w ', 1_209_600_000],
    ['no time', duration, '0s', 0],
    ['bytes', byteSize, '7', 7],
    ['megabytes', byteSize, '64MB', 67_108_864],
    ['gibibytes, which are the same', byteSize, '1GiB', 1_073_741_824],
    ['kilobytes with a fraction', byteSize, '1.5 k', 1536],
    ['a count of errors', errorLimit, '0', 0],
    ['a share of errors', errorLimit, '2.5%', '2.5%'],
    ['names', nameList, ' a, b,,c ', ['a', 'b', 'c']],
  ])('is read: %s', (_, parse, text, value) => {
    expect(parse(text)).toEqual(value);
  });

  test.each<[string, (text: string) => unknown, string, RegExp]>([
    ['below its bound', wholeNumber(1), '0', /whole number of at least 1/u],
    ['a fraction of a whole number', wholeNumber(0), '1.5', /whole number/u],
    ['negative', wholeNumber(0), '-1', /whole number/u],
    ['beyond what numbers hold', wholeNumber(0), '9007199254740993', /whole number/u],
    ['in another notation', wholeNumber(0), '1e3', /whole number/u],
    ['empty', anyNumber, ' ', /expected a number/u],
    ['endless', anyNumber, 'Infinity', /expected a number/u],
    ['a duration without unit', duration, '7', /12h or 7d/u],
    ['a duration of months', duration, '1mo', /12h or 7d/u],
    ['a negative duration', duration, '-1d', /12h or 7d/u],
    ['a size of nothing', byteSize, '0MB', /64MB or 1GB/u],
    ['a size in terabytes', byteSize, '1TB', /64MB or 1GB/u],
    ['a limit in words', errorLimit, 'few', /percentage such as 1%/u],
    ['a share above the whole', errorLimit, '101%', /percentage such as 1%/u],
  ])('is refused: %s', (_, parse, text, reason) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
    expect(() => parse(text)).toThrow(reason);
  });
});

test('options of S3 that were not given are left to the environment', () => {
  expect(s3Options({})).toEqual({});
  expect(s3Options({ endpointUrl: 'http://x', region: 'r', s3Reader: 'cache' })).toEqual({
    endpointUrl: 'http://x',
    region: 'r',
    reader: 'cache',
  });
});

test('a path is shown from the current folder, where that is shorter, and a URL as it is', () => {
  expect(shortPath(join(process.cwd(), 'lake'), 'runs/a')).toBe('lake/runs/a');
  expect(shortPath('/elsewhere/lake', 'runs/a')).toBe('/elsewhere/lake/runs/a');
  expect(shortPath('s3://bucket/lake', 'runs/a')).toBe('s3://bucket/lake/runs/a');
});

describe('an error is printed', () => {
  const error = new PixlakeError('RUN_NOT_FOUND', 'there is no run x', { remedy: 'the lake has: y' });

  test('as text with its code and what to do', () => {
    expect(printed('stderr', () => printError(error, false))).toBe(
      'pixlake: there is no run x [RUN_NOT_FOUND]\n         the lake has: y\n',
    );
    expect(printed('stderr', () => printError(new PixlakeError('SQL_EMPTY', 'no SQL'), false))).toContain(
      'no SQL [SQL_EMPTY]\n',
    );
  });

  test('as one line of JSON for machines', () => {
    const line = printed('stderr', () => printError(error, true));
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({
      error: { code: 'RUN_NOT_FOUND', message: 'there is no run x', remedy: 'the lake has: y' },
    });
  });
});

test('documents for machines hold 64-bit integers as numbers', () => {
  expect(JSON.parse(printed('stdout', () => printJson({ n: 5n, deep: [{ m: 7n }] })))).toEqual({
    n: 5,
    deep: [{ m: 7 }],
  });
});

describe('a signal', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops work once, and is let go of after it', async (name) => {
    const listeners = process.listenerCount(name);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    const work = interruptible(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          process.emit(name);
        }),
    );
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(exit).not.toHaveBeenCalled();
    expect(process.listenerCount(name)).toBe(listeners);
  });

  test('that comes again ends the process at once', async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    await interruptible(async () => {
      process.emit('SIGINT');
      expect(exit).not.toHaveBeenCalled();
      process.emit('SIGTERM');
    });
    expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  });

  test('that never comes leaves the result as it is', async () => {
    expect(await interruptible(async ({ aborted }) => ({ aborted }))).toEqual({ aborted: false });
  });
});
