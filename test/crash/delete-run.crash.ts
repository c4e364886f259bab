import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type VerifyReport } from '../../src/index.ts';
import { deleteRun, type DeleteRunSpec } from '../../src/maintenance/delete-run.ts';
import type { Submission } from '../../src/run/submission-log.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { codeOf, filesIn, copyDailyRun } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';

const verify = async (lake: string): Promise<VerifyReport> =>
  openLakehouse({ lake }).tables.verify('runs.daily', true);

/** Records the run as one that a server has accepted and finished. */
async function accept(lake: string): Promise<Submission | undefined> {
  const submissions = new Submissions(openLocalStore(lake));
  const spec = { name: 'daily', sql: 'SELECT * FROM images' };
  const { submission } = await submissions.accept(spec, { idempotencyKey: 'key' });
  if (submission !== undefined) await submissions.end(submission, { state: 'finished' });
  return submissions.read('daily');
}

describe('runs delete', () => {
  test.each([true, false])('killed at any moment shows no half of it (older: %s)', async (isOlderOnly) => {
    const { lake, folder } = await copyDailyRun();
    const submission = await accept(lake);
    const copy = join(folder, 'copy');
    let allowed = 0;
    let isDone = false;
    do {
      await rm(copy, { recursive: true, force: true });
      await cp(lake, copy, { recursive: true });
      const lakehouse = openLakehouse({ lake: copy });
      const spec: DeleteRunSpec = { name: 'daily', isOlderOnly };
      const failing = { store: openFailingStore(copy, allowed), software: 'test' };
      isDone = (await codeOf(deleteRun(failing, spec))) === undefined;
      // Whatever is still seen is whole, and is the newest result as long as there is one.
      const { runs, unreadable } = await lakehouse.runs.list();
      expect(unreadable).toEqual([]);
      expect(runs.every(({ state }) => state === 'finished')).toBe(true);
      expect(await codeOf(lakehouse.tables.list())).toBeUndefined();
      if (runs.length > 0) expect(await verify(copy)).toMatchObject({ problems: [], imageCount: 5 });
      else expect(await codeOf(lakehouse.tables.verify('runs.daily'))).toBe('TABLE_NOT_FOUND');
      if (isOlderOnly) expect(runs.length).toBeGreaterThan(0);
      // The same command finishes it.
      const isGone = (await filesIn(join(copy, 'runs'))).length === 0;
      const isForgotten = (await new Submissions(openLocalStore(copy)).read('daily')) === undefined;
      expect(isForgotten && !isGone).toBe(false);
      expect(await codeOf(lakehouse.runs.delete(spec))).toBe(
        isGone && isForgotten ? 'RUN_NOT_FOUND' : undefined,
      );
      expect((await lakehouse.runs.list()).runs.length).toBe(isOlderOnly ? 1 : 0);
      if (isOlderOnly) expect(await verify(copy)).toMatchObject({ problems: [], imageCount: 5 });
      else expect(await filesIn(join(copy, 'runs'))).toEqual([]);
      expect(await new Submissions(openLocalStore(copy)).read('daily')).toEqual(
        isOlderOnly ? submission : undefined,
      );
      allowed += 1;
    } while (!isDone);
    expect(allowed).toBeGreaterThan(10);
  });
});
