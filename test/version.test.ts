import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SOFTWARE, VERSION } from '../src/version.ts';

test('the version is that of the package, and part of the name of the software', () => {
  const text = readFileSync(join(import.meta.dirname, '../package.json'), 'utf8');
  expect(VERSION).toBe((JSON.parse(text) as { version: string }).version);
  expect(SOFTWARE).toBe(`pixlake/${VERSION}`);
});
