import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { type RunListSpec, type RunPosition, RunRecords } from '../../src/run/run-records.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { type Submission, SubmissionLog } from '../../src/run/submission-log.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { inProcessExecutor, makeLake, runWith, type TestLake } from '../support/run-in-process.ts';

const SPEC: RunSpec = { name: 'r', sql: 'SELECT id FROM images' };
const NONE = new Map();

let lake: TestLake;
let submissions: Submissions;
let records: RunRecords;

beforeEach(async () => {
  lake = await makeLake(2);
  submissions = new Submissions(lake.store);
  records = new RunRecords(lake.store, submissions);
});

async function submit(spec = SPEC): Promise<Submission> {
  const { submission } = await submissions.accept(spec);
  return submission ?? expect.fail('not accepted');
}

const stateOf = async (name = 'r'): Promise<string> => (await records.describe(name, NONE)).state;
const listed = async (): Promise<string[]> =>
  (await records.list(NONE)).map(({ name, state }) => `${name} ${state}`);

/** Takes the end of the execution of a run away, as if it had been interrupted before. */
async function interrupt(name = 'r'): Promise<string> {
  const { folder } = await findRun(lake.store, name);
  await lake.store.delete(executionKeys.success(folder));
  return folder;
}

test('a run that nobody knows is not found', async () => {
  await expect(records.describe('r', NONE)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  await expect(records.readRun('r')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  expect(await listed()).toEqual([]);
});

describe('the state of a run', () => {
  test('is that of its record until its execution is in another', async () => {
    const submission = await submit();
    expect(await stateOf()).toBe('interrupted');
    await submissions.end(submission, { state: 'failed', failure: { code: 'PLAN_EMPTY', message: 'no' } });
    expect(await records.describe('r', NONE)).toMatchObject({
      state: 'failed',
      submission: { failure: { code: 'PLAN_EMPTY' } },
      status: undefined,
    });
    expect(await listed()).toEqual(['r failed']);
    // Somebody ran it from the command line.
    await runWith(lake.store, SPEC);
    expect(await records.describe('r', NONE)).toMatchObject({ state: 'finished', submission: undefined });
    expect(await listed()).toEqual(['r finished']);
  });

  test('is that of its execution where no service accepted it', async () => {
    await runWith(lake.store, SPEC);
    expect(await stateOf()).toBe('finished');
    const folder = await interrupt();
    expect(await stateOf()).toBe('interrupted');
    await lake.store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
    expect(await stateOf()).toBe('cancelled');
    expect(await listed()).toEqual(['r cancelled']);
  });

  test('is what is done here now, whatever the lake says', async () => {
    await submit();
    const live = new Map([['r', { state: 'running', imageCount: 3, errorCount: 1 } as const]]);
    expect(await records.describe('r', live)).toMatchObject({ state: 'running', live: { imageCount: 3 } });
    expect(await records.list(live)).toMatchObject([{ name: 'r', state: 'running' }]);
  });

  test('is still running where it ends while the lake is read', async () => {
    await submit();
    const live = new Map([['r', { state: 'running', imageCount: 0, errorCount: 0 } as const]]);
    const [described, all] = [records.describe('r', live), records.list(live)];
    live.clear();
    expect(await described).toMatchObject({ state: 'running' });
    expect(await all).toMatchObject([{ state: 'running' }]);
  });

  test('is not that of an earlier execution once the run was accepted again', async () => {
    await runWith(lake.store, SPEC);
    const folder = await interrupt();
    await lake.store.write(executionKeys.cancelled(folder), Buffer.alloc(0));
    await submissions.accept(SPEC, { liftsCancel: true });
    expect(await stateOf()).toBe('interrupted');
    await lake.store.delete(executionKeys.cancelled(folder));
    expect(await stateOf()).toBe('interrupted');
  });
});

test('a record whose execution was deleted is no run any more', async () => {
  const submission = await submit();
  await runWith(lake.store, SPEC);
  await submissions.end(submission, { state: 'finished' });
  expect(await listed()).toEqual(['r finished']);
  const { folder } = await findRun(lake.store, 'r');
  await lake.store.delete(executionKeys.spec(folder));
  expect(await listed()).toEqual([]);
  await expect(records.describe('r', NONE)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
});

test('runs are listed with the newest first, each once, with its newest execution', async () => {
  for (const name of ['b', 'a']) await runWith(lake.store, { ...SPEC, name });
  await submit({ ...SPEC, name: 'c' });
  await submit({ ...SPEC, name: 'a' });
  // On another version of the table it is another execution.
  await lake.lakehouse.tables.delete({ table: 'images', where: 'id = 2' });
  const { runId } = await runWith(lake.store, { ...SPEC, name: 'b' });
  expect(await listed()).toEqual(['b finished', 'a interrupted', 'c interrupted']);
  expect((await records.list(NONE))[0]?.status?.execution.runId).toBe(runId);
});

describe('a list of runs', () => {
  /** Records of runs of the past, which need no executions. */
  const addRuns = async (
    ...runs: readonly (readonly [string, number, Partial<RunSpec>?])[]
  ): Promise<void> => {
    const log = new SubmissionLog(lake.store);
    for (const [name, submittedMs, spec] of runs)
      await log.add(0, {
        run: parseRunSpec({ ...SPEC, ...spec, name }, 'test'),
        submittedMs,
        state: 'accepted',
      });
  };
  const namesOf = async (spec: RunListSpec): Promise<string> =>
    (await records.list(NONE, spec)).map(({ name }) => name).join(' ');

  test('goes on after a run, also one that is gone or has the same time', async () => {
    await addRuns(['b', 10], ['a', 10], ['c', 10], ['old', 5], ['new', 20]);
    expect(await namesOf({})).toBe('new a b c old');
    expect(await namesOf({ limit: 2 })).toBe('new a');
    const pages: string[] = [];
    let after: RunPosition | undefined;
    do {
      const page = await records.list(NONE, { after, limit: 2 });
      pages.push(page.map(({ name }) => name).join(' '));
      after = page.at(-1);
    } while (after !== undefined);
    expect(pages).toEqual(['new a', 'b c', 'old', '']);
    expect(await namesOf({ after: { createdMs: 10, name: 'bb' } })).toBe('c old');
    expect(await namesOf({ after: { createdMs: 7, name: 'zzz' } })).toBe('old');
    expect(await namesOf({ after: { createdMs: 1, name: '' } })).toBe('');
  });

  test('has those in a state, of a name or a table', async () => {
    await runWith(lake.store, { ...SPEC, name: 'done' });
    await addRuns(['day-1', 1], ['day-2', 2, { table: 'images' }], ['other', 3, { table: 'shoes' }]);
    expect(await namesOf({ state: 'finished' })).toBe('done');
    expect(await namesOf({ state: 'interrupted' })).toBe('other day-2 day-1');
    expect(await namesOf({ state: 'interrupted', prefix: 'day', limit: 1 })).toBe('day-2');
    expect(await namesOf({ state: 'failed' })).toBe('');
    expect(await namesOf({ prefix: 'd' })).toBe('done day-2 day-1');
    // The table of a run that names none is known when it is planned.
    expect(await namesOf({ table: 'images' })).toBe('done day-2');
    expect(await namesOf({ table: 'shoes' })).toBe('other');
  });

  test('counts the shards of those that it returns alone', async () => {
    for (const name of ['one', 'two']) await runWith(lake.store, { ...SPEC, name });
    const read: string[] = [];
    const watched = withFaults(lake.store, {
      read: (key, range) => {
        read.push(key);
        return lake.store.read(key, range);
      },
    });
    const [only] = await new RunRecords(watched, new Submissions(watched)).list(NONE, { limit: 1 });
    expect(only).toMatchObject({ name: 'two', status: { imageCount: 2 } });
    expect(read.filter((key) => key.endsWith('_SUCCESS'))).toEqual([`${only?.status?.folder}/_SUCCESS`]);
  });
});

describe('a run that writes to another lake', () => {
  const elsewhere = async (): Promise<{ readonly root: string; readonly spec: RunSpec }> => {
    const root = join(await makeTestFolder(), 'other');
    return { root, spec: { ...SPEC, output: root } };
  };

  test('is followed there when it is asked for, and listed as this lake knows it', async () => {
    const { root, spec } = await elsewhere();
    const submission = await submit(spec);
    expect(await stateOf()).toBe('interrupted');
    await new RunLibrary(lake.store, inProcessExecutor, 'pixlake/test').execute(spec, {});
    expect(await records.describe('r', NONE)).toMatchObject({ status: { imageCount: 2 } });
    expect(await records.list(NONE)).toMatchObject([{ state: 'interrupted', status: undefined }]);
    await submissions.end(submission, { state: 'finished' });
    expect(await listed()).toEqual(['r finished']);
    const there = openLocalStore(root);
    await expect(new RunRecords(there, new Submissions(there)).readRun('r')).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    });
  });

  test('is cancelled there', async () => {
    const { root, spec } = await elsewhere();
    const submission = await submit(spec);
    await new RunLibrary(lake.store, inProcessExecutor, 'pixlake/test').execute(spec, {});
    const there = openLocalStore(root);
    const { folder } = await findRun(there, 'r');
    await there.delete(executionKeys.success(folder));
    await records.cancel('r', submission);
    expect(await there.stat(executionKeys.cancelled(folder))).toBeDefined();
    expect(await submissions.read('r')).toMatchObject({ state: 'cancelled' });
  });
});

describe('a cancel', () => {
  test('reaches an execution that another server has planned meanwhile', async () => {
    const submission = await submit();
    await records.cancel('r', submission);
    expect(await stateOf()).toBe('cancelled');
    await runWith(lake.store, SPEC);
    const folder = await interrupt();
    await records.cancel('r', submission);
    expect(await lake.store.stat(executionKeys.cancelled(folder))).toBeDefined();
  });

  test('of a run that no service accepted is left in its folder, and a finished one stays as it is', async () => {
    await runWith(lake.store, SPEC);
    const { folder } = await findRun(lake.store, 'r');
    await records.cancel('r', undefined);
    expect(await lake.store.stat(executionKeys.cancelled(folder))).toBeUndefined();
    await interrupt();
    await records.cancel('r', undefined);
    expect(await stateOf()).toBe('cancelled');
    expect(await submissions.read('r')).toBeUndefined();
  });
});

test('the specification of a run is that of its execution', async () => {
  await runWith(lake.store, { ...SPEC, seed: 9 });
  expect(await records.readRun('r')).toMatchObject({ name: 'r', seed: 9 });
});

test('a folder that is no lake is an error, and another one that is none yet has no run', async () => {
  const nowhere = openLocalStore(await makeTestFolder());
  const strange = new RunRecords(nowhere, new Submissions(nowhere));
  await expect(strange.describe('r', NONE)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  await expect(strange.list(NONE)).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  const submission = await submit({ ...SPEC, output: join(await makeTestFolder(), 'not yet') });
  expect(await records.describe('r', NONE)).toEqual({
    name: 'r',
    state: 'interrupted',
    submission,
    status: undefined,
    live: undefined,
    isElsewhere: true,
    createdMs: submission.submittedMs,
  });
  await records.cancel('r', submission);
  expect(await stateOf()).toBe('cancelled');
});

test('a damaged execution is no missing one', async () => {
  await lake.store.write('runs/r/run_id=0/spec.json', Buffer.from('{'));
  await expect(records.describe('r', NONE)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
});
