import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERRORS } from '../src/errors.ts';

/** The sources of all suites but this one, without whole-line comments. */
const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:ts|mjs|py)$/u.test(name) && name !== 'errors.test.ts')
  .map((name) =>
    readFileSync(join(import.meta.dirname, name), 'utf8').replaceAll(/^\s*(?:\/\/|\/?\*|#).*$/gmu, ''),
  );

test.each(Object.keys(ERRORS))('%s is expected by some test', (code) => {
  // In quotes or in brackets, as the command line prints it; at the end of a text after what it belongs to.
  const expected = new RegExp(String.raw`['" \[|]${code}['"\]|]`, 'u');
  expect(sources.filter((source) => expected.test(source)).length).toBeGreaterThan(0);
});
