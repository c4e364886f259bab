import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS, messageOf, PixlakeError, toPixlakeError } from '../src/errors.ts';
import { assertedCodes } from './support/asserted-codes.ts';

const asserted = new Set(
  readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'errors.test.ts')
    .flatMap((name) => [...assertedCodes(readFileSync(join(import.meta.dirname, name), 'utf8'))]),
);

test.each(Object.keys(ERRORS))('%s is expected by some test', (code) => {
  expect([...asserted]).toContain(code);
});

describe('an error code is expected by', () => {
  test.each([
    ['a field', "await expect(work).rejects.toMatchObject({ code: 'A_B' });"],
    ['a field of a constant', "const denied = { code: 'A_B' };"],
    ['a matcher', "expect(await codeOf(work)).toBe('A_B');"],
    [
      'a text in a matcher',
      "expect([code, stderr]).toEqual([70, expect.stringContaining('all failed [A_B]')]);",
    ],
    ['a regular expression', 'expect(stderr).toMatch(/[(] it.s [A_B]/u);'],
    ['a table', "test.each<[string, () => void]>([['x', 'A_B'], ['y', 'C_D']])('%s', () => {});"],
    ['a table by name', "const CASES: readonly string[][] = [['x', 'A_B']];\ndescribe.each(CASES)('%s', f);"],
    ['a table in a loop', "for (const [sql, code] of [['x', 'A_B']] as const) expect(run(sql)).toBe(code);"],
  ])('%s', (_, source) => {
    expect(assertedCodes(source)).toContain('A_B');
  });
});

describe('an error code is not expected by', () => {
  test.each([
    ['a list of allowed ones', "expect(['A_B', 'C_D']).toContain(code);"],
    [
      'a named list of allowed ones',
      "const ALLOWED = new Set(['A_B', 'C_D']);\nexpect(ALLOWED.has(code)).toBe(true);",
    ],
    ['alternatives', 'expect(code).toMatch(/^(?:A_B|C_D)$/u);'],
    [
      'an argument of what is tested',
      "expect(await retry('--code', 'A_B')).toMatchObject({ retriedCount: 0 });",
    ],
    ['what a test throws', "throw new PixlakeError('A_B', 'refused');"],
    ['a comment', "// expect(code).toBe('A_B');"],
  ])('%s', (_, source) => {
    expect(assertedCodes(source)).not.toContain('A_B');
  });
});

describe('an error', () => {
  const cause = new Error('the reason');

  test('has the status and the exit code of its code, its reason and what to do', () => {
    const error = new PixlakeError('LAKE_NOT_FOUND', 'no lake', { cause, remedy: 'make one' });
    expect(error).toMatchObject({
      name: 'PixlakeError',
      code: 'LAKE_NOT_FOUND',
      message: 'no lake',
      cause,
      remedy: 'make one',
    });
    expect([error.status, error.exitCode, ERRORS.LAKE_NOT_FOUND.meaning]).toEqual([
      404,
      3,
      expect.stringContaining('lake'),
    ]);
    const bare = new PixlakeError('INTERRUPTED', 'stopped');
    expect([bare.status, bare.exitCode, bare.remedy, 'cause' in bare]).toEqual([503, 130, undefined, false]);
  });

  test('of others is wrapped, and its own is passed on', () => {
    const own = new PixlakeError('SQL_EMPTY', 'no SQL');
    expect(toPixlakeError(own, 'STORAGE_FAILED')).toBe(own);
    expect(toPixlakeError(cause)).toMatchObject({ code: 'INTERNAL_ERROR', message: 'the reason', cause });
    expect(toPixlakeError('text', 'STORAGE_FAILED')).toMatchObject({
      code: 'STORAGE_FAILED',
      message: 'text',
      cause: 'text',
    });
    expect([messageOf(cause), messageOf('text'), messageOf(7)]).toEqual(['the reason', 'text', '7']);
  });
});

test('each code has a status, an exit code and a meaning', () => {
  const kinds = Object.values(ERRORS);
  expect(kinds.filter(({ status }) => status < 400 || status > 599)).toEqual([]);
  expect(new Set(kinds.map(({ exitCode }) => exitCode))).toEqual(new Set([2, 3, 4, 5, 70, 130]));
  expect(kinds.filter(({ meaning }) => meaning.length < 10)).toEqual([]);
});
