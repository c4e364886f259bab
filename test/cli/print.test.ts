import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { printError, printJson, shortPath } from '../../src/cli/print.ts';
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
