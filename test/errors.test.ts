import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';
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
