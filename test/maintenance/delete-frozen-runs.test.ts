import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { REMOVED_SPEC } from '../../src/catalog/run-folders.ts';
import { type DeleteRunReport, type DeleteRunSpec, deleteRun } from '../../src/maintenance/delete-run.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { SubmissionLog } from '../../src/run/submission-log.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { beginFrozenRuns, type FrozenRuns } from './frozen-runs.ts';

const remove = (
  { store }: Pick<FrozenRuns, 'store'>,
  spec: Partial<DeleteRunSpec> = {},
): Promise<DeleteRunReport> => deleteRun({ store, software: 'test' }, { name: 'r', ...spec });

const foldersOf = (files: readonly { readonly folder: string }[]): string[] =>
  files.map(({ folder }) => folder);

test('a run that is not there is not found, and the others are named', async () => {
  const runs = await beginFrozenRuns();
  await runs.freeze('other', {}, '_SUCCESS');
  await expect(remove(runs)).rejects.toMatchObject({
    code: 'RUN_NOT_FOUND',
    remedy: 'the lake has: other',
  });
});

test('all executions of a run go, in a report by folder, and nothing of another run', async () => {
  const runs = await beginFrozenRuns();
  const [first, second] = [await runs.freeze('r', {}, '_SUCCESS'), await runs.freeze('r', {}, '_CANCELLED')];
  const other = await runs.freeze('r2', {}, '_SUCCESS');
  const { submission } = await new SubmissionLog(runs.store).readNewest('r');
  expect(submission).toBeUndefined();
  await runs.submit('r', { state: 'finished' });
  const before = await keysOf(runs.store);
  const dry = await remove(runs, { isDryRun: true });
  expect(await keysOf(runs.store)).toEqual(before);
  expect(dry).toEqual({
    name: 'r',
    isDryRun: true,
    removed: [first, second]
      .map((execution) => ({ folder: folderOf(execution), fileCount: 2, sizeBytes: expect.any(Number) }))
      .sort((a, b) => (a.folder < b.folder ? -1 : 1)),
    kept: [],
  });
  expect(await remove(runs)).toEqual({ ...dry, isDryRun: false });
  expect(await keysOf(runs.store)).toEqual([`${folderOf(other)}/_SUCCESS`, `${folderOf(other)}/spec.json`]);
});

describe('a run that may be in progress is refused with what to do', () => {
  const force = 'if no process works on it, use --force';
  const cancel = `cancel it: pixlake runs cancel r; or, ${force}`;

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>, string, string]>([
    ['unfinished', (runs) => runs.freeze('r'), 'it has not finished', cancel],
    [
      'an older one unfinished',
      async (runs) => {
        await runs.freeze('r');
        await runs.freeze('r', {}, '_SUCCESS');
      },
      'it has not finished',
      force,
    ],
    [
      'a retry unfinished',
      async (runs) => {
        const execution = await runs.freeze('r', {}, '_SUCCESS');
        await writeExecution(runs.store, { ...execution, retry: { number: 1 } });
      },
      'a retry of it has not finished',
      `finish it: pixlake runs retry r; or, ${force}`,
    ],
    ['accepted', (runs) => runs.submit('r'), 'a server has accepted it', force],
    [
      'accepted again after a cancel',
      async (runs) => {
        await runs.freeze('r', {}, '_CANCELLED');
        await runs.submit('r', { liftsCancel: true });
      },
      'a server has accepted it',
      force,
    ],
    [
      'accepted, and finished before',
      async (runs) => {
        await runs.freeze('r', {}, '_SUCCESS');
        await runs.submit('r');
      },
      'a server has accepted it',
      force,
    ],
  ])('%s', async (_, make, why, remedy) => {
    const runs = await beginFrozenRuns();
    await make(runs);
    const before = await keysOf(runs.store);
    await expect(remove(runs)).rejects.toMatchObject({
      code: 'RUN_IN_USE',
      message: `run r may be in progress: ${why}`,
      remedy,
    });
    expect(await keysOf(runs.store)).toEqual(before);
    await remove(runs, { isForced: true });
    expect(await keysOf(runs.store)).toEqual([]);
  });

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>]>([
    [
      'cancelled after it was accepted',
      async (runs) => {
        await runs.freeze('r', {}, '_CANCELLED');
        await runs.submit('r');
      },
    ],
    ['only cancelled', (runs) => runs.freeze('r', {}, '_CANCELLED')],
    ['accepted and failed', (runs) => runs.submit('r', { state: 'failed' })],
  ])('unless it is %s', async (_, make) => {
    const runs = await beginFrozenRuns();
    await make(runs);
    expect((await remove(runs)).kept).toEqual([]);
    expect(await keysOf(runs.store)).toEqual([]);
  });
});

describe('of a run with a finished execution, the older ones go alone', () => {
  test('whether they have finished or not, and its record stays', async () => {
    const runs = await beginFrozenRuns();
    const old = [await runs.freeze('r', {}, '_CANCELLED'), await runs.freeze('r', {}, '_SUCCESS')];
    const kept = [await runs.freeze('r', {}, '_SUCCESS'), await runs.freeze('r')];
    await runs.submit('r');
    const report = await remove(runs, { isOlderOnly: true });
    expect(foldersOf(report.removed)).toEqual(old.map(folderOf).sort());
    expect(report.kept).toEqual([]);
    expect(await runs.store.listFolders('runs/r')).toEqual(kept.map(({ runId }) => `run_id=${runId}`).sort());
    expect((await new SubmissionLog(runs.store).readNewest('r')).submission).toBeDefined();
  });

  test('and none where there is no finished one', async () => {
    const runs = await beginFrozenRuns();
    await runs.freeze('r', {}, '_CANCELLED');
    await expect(remove(runs, { isOlderOnly: true })).rejects.toMatchObject({
      code: 'RUN_UNFINISHED',
      message: 'run r has no finished execution to keep',
      remedy: 'leave out --older to delete the whole run: pixlake runs delete r',
    });
  });
});

describe('an execution is kept', () => {
  test.each<[string, (runs: FrozenRuns, folder: string, runId: string) => Promise<unknown>, string]>([
    [
      'that an unfinished run reads',
      (runs, folder) => runs.freeze('reader', { versions: { [`${folder}/manifest`]: '0' } }),
      'the unfinished run reader reads it',
    ],
    [
      'that a cancelled one takes images over from',
      (runs, _folder, takesOver) => runs.freeze('r', { takesOver }, '_CANCELLED'),
      'the unfinished execution HEIR takes over images from it',
    ],
    [
      'that is attached',
      (runs, folder) => runs.attach('mirror', runs.store.locate(`${folder}/manifest`)),
      'it is attached as table mirror; detach it first: pixlake detach mirror',
    ],
  ])('%s', async (_, pin, reason) => {
    const runs = await beginFrozenRuns();
    const execution = await runs.freeze('r', {}, '_SUCCESS');
    const folder = folderOf(execution);
    const newest = await runs.freeze('r', {}, '_SUCCESS');
    await pin(runs, folder, execution.runId);
    const report = await remove(runs, { isOlderOnly: true });
    expect(report.removed).toEqual([]);
    expect(report.kept).toEqual([
      {
        folder,
        fileCount: 2,
        sizeBytes: expect.any(Number),
        reason: expect.stringMatching(reason.replace('HEIR', 'runs/r/run_id=\\w+')),
      },
    ]);
    expect(await runs.store.listFolders('runs/r')).toContain(`run_id=${newest.runId}`);
  });

  test.each<[string, (runs: FrozenRuns, folder: string, runId: string) => Promise<unknown>]>([
    [
      'a finished run has read it',
      (runs, folder) => runs.freeze('reader', { versions: { [folder]: '0' } }, '_SUCCESS'),
    ],
    [
      'a run of another name takes over from such an id',
      (runs, _folder, takesOver) => runs.freeze('s', { takesOver }),
    ],
    [
      'a finished one took over from it',
      (runs, _folder, takesOver) => runs.freeze('r', { takesOver }, '_SUCCESS'),
    ],
    [
      'what is attached lies beside it',
      (runs, folder) => runs.attach('mirror', runs.store.locate(`${folder}2`)),
    ],
  ])('but not because %s', async (_, pin) => {
    const runs = await beginFrozenRuns();
    const execution = await runs.freeze('r', {}, '_SUCCESS');
    await pin(runs, folderOf(execution), execution.runId);
    const report = await remove(runs);
    expect(foldersOf(report.removed)).toContain(folderOf(execution));
    expect(report.kept).toEqual([]);
  });

  test('that one that is kept needs', async () => {
    const runs = await beginFrozenRuns();
    const first = await runs.freeze('r', {}, '_SUCCESS');
    const second = await runs.freeze('r', { versions: { [folderOf(first)]: '0' } }, '_CANCELLED');
    await runs.freeze('reader', { versions: { [`${folderOf(second)}/manifest`]: '0' } });
    const report = await remove(runs);
    expect(report.removed).toEqual([]);
    expect(report.kept.map(({ folder, reason }) => [folder, reason])).toEqual([
      [folderOf(second), 'the unfinished run reader reads it'],
      [folderOf(first), 'the unfinished run r reads it'],
    ]);
  });
});

describe('a folder that is no execution', () => {
  const FOLDER = 'runs/r/run_id=0123456789abcdef';
  const plan = `${FOLDER}/plan/00/part-00000.parquet`;

  test.each<[string, Readonly<Record<string, number>>, string | undefined]>([
    ['is kept as a plan that was just made', { [plan]: 1 }, 'a run may be about to start with this plan'],
    ['goes where the plan is a day old', { [plan]: 25 }, undefined],
    ['goes where there is more than a plan', { [plan]: 1, [`${FOLDER}/images/1.jpg`]: 1 }, undefined],
    ['goes as what a deletion left', { [`${FOLDER}/spec.json`]: 0 }, undefined],
  ])('%s', async (_, ages, reason) => {
    const runs = await beginFrozenRuns();
    for (const [key, hours] of Object.entries(ages)) {
      await runs.store.write(key, hours === 0 ? REMOVED_SPEC : Buffer.from('x'));
      const seconds = Date.now() / 1000 - hours * 3600;
      await utimes(join(runs.store.uri, key), seconds, seconds);
    }
    const report = await remove(runs);
    expect(report.kept.map((kept) => kept.reason)).toEqual(reason === undefined ? [] : [reason]);
    expect(await keysOf(runs.store)).toEqual(reason === undefined ? [] : Object.keys(ages));
  });
});

test('folders without a specification get none, not even for a moment', async () => {
  const runs = await beginFrozenRuns();
  await runs.store.write('runs/r/run_id=0123456789abcdef/images/1.jpg', Buffer.from('x'));
  const store = withFaults(runs.store, { write: async () => Promise.reject(new Error('written')) });
  expect((await remove({ store })).removed).toMatchObject([{ fileCount: 1 }]);
});

test('executions become invisible from the oldest on, before anything of them goes, and their specs go last', async () => {
  const runs = await beginFrozenRuns();
  const executions = [await runs.freeze('r', {}, '_SUCCESS'), await runs.freeze('r', {}, '_SUCCESS')];
  const specs = executions.map((execution) => executionKeys.spec(folderOf(execution)));
  const log: string[] = [];
  const store = withFaults(runs.store, {
    async write(key, bytes) {
      log.push(`write ${key}`);
      await runs.store.write(key, bytes);
    },
    async deleteMany(keys) {
      await setImmediate();
      log.push(...keys.map((key) => `delete ${key}`));
      await runs.store.deleteMany(keys);
    },
  });
  await runs.submit('r', { state: 'finished' });
  await remove({ store });
  expect(log.at(-1)).toBe('delete submissions/r.json');
  expect(log.slice(0, 2)).toEqual(specs.map((key) => `write ${key}`));
  expect(log.slice(2, 4).sort()).toEqual(
    specs.map((key) => `delete ${key.replace('spec.json', '_SUCCESS')}`).sort(),
  );
  expect(log.slice(4, 6)).toEqual(specs.map((key) => `delete ${key}`));
});
