import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

test('the demo does the whole job, and its counts add up', async () => {
  const folder = join(await makeTestFolder(), 'demo');
  const { stdout, code } = await pixlake('.', 'demo', '--folder', folder, '--rows', '200');
  expect(code).toBe(0);
  const [, rows = 0, ingested = 0, without = 0, rejected = 0] = (
    /(\d+) rows = (\d+) ingested \+ (\d+) without image \+ (\d+) rejected/u.exec(stdout) ?? []
  ).map(Number);
  expect([rows, rejected]).toEqual([200, 0]);
  expect(ingested + without).toBe(200);
  const [, selected = 0, copies = 0, written = 0, failed = 0] = (
    /(\d+) rows x (\d+) copies = (\d+) images written \+ (\d+) failed/u.exec(stdout) ?? []
  ).map(Number);
  expect(written).toBeGreaterThan(0);
  expect(written + failed).toBe(selected * copies);
  expect(stdout).toContain('pred_articleType');
  expect(stdout).toContain('(sql/mens-shoes-after.sql, year 2012)\n');
  expect(stdout).toMatch(/\ndone in \d{1,2}(?:\.\d)? s\n$/u);
  expect(stdout).not.toContain('untrained');
  expect((await stat(join(folder, 'contact-sheet.png'))).size).toBeGreaterThan(20_000);
});
