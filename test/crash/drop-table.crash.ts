import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { dropTable } from '../../src/maintenance/drop-table.ts';
import { codeOf, filesIn, copyDailyRun } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';

const spec = { table: 'images' };

describe('tables drop', () => {
  test('killed at any moment shows no half of it', async () => {
    const { lake, folder } = await copyDailyRun();
    const copy = join(folder, 'copy');
    let allowed = 0;
    let isDone = false;
    do {
      await rm(copy, { recursive: true, force: true });
      await cp(lake, copy, { recursive: true });
      const lakehouse = openLakehouse({ lake: copy });
      const failing = { store: openFailingStore(copy, allowed), software: 'test' };
      isDone = (await codeOf(dropTable(failing, spec))) === undefined;
      const names = (await lakehouse.tables.list()).map(({ name }) => name);
      expect(names).toEqual(allowed === 0 ? ['images', 'runs.daily'] : ['runs.daily']);
      if (allowed === 0) expect((await lakehouse.tables.verify('images', true)).problems).toEqual([]);
      else expect(await codeOf(lakehouse.tables.verify('images'))).toBe('TABLE_NOT_FOUND');
      expect(await codeOf(lakehouse.tables.drop(spec))).toBe(isDone ? 'TABLE_NOT_FOUND' : undefined);
      expect(await filesIn(join(copy, 'tables'))).toEqual([]);
      expect(await filesIn(join(copy, 'originals'))).toEqual([]);
      allowed += 1;
    } while (!isDone);
    expect(allowed).toBeGreaterThan(5);
  });
});
