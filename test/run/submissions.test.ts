import { describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { placeSuccess } from '../../src/run/success.ts';
import { type Accepted, type AcceptOptions, Submissions } from '../../src/run/submissions.ts';
import type { Submission } from '../../src/run/submission-log.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { testSubmissions } from './submission-suite.ts';

describe('accepted runs in a folder', () => {
  testSubmissions(async (count) => {
    const folder = await makeTestFolder();
    return Array.from({ length: count }, () => openLocalStore(folder));
  });
});

describe('a run whose execution is known', () => {
  /** The execution of a run `r` that somebody planned, here or in another lake. */
  const EXECUTION = makeExecution('r');
  const SPEC: RunSpec = { name: 'r', sql: EXECUTION.run.sql };
  const COUNTS = { runId: EXECUTION.runId, imageCount: 1, takenCount: 0, errorCount: 0, imageBytes: 1 };

  async function open(): Promise<{ readonly store: ObjectStore; readonly submissions: Submissions }> {
    const store = openLocalStore(await makeTestFolder());
    return { store, submissions: new Submissions(store) };
  }

  async function accept(submissions: Submissions, options: AcceptOptions = {}): Promise<Submission> {
    const { submission } = await submissions.accept(SPEC, options);
    return submission ?? expect.fail('nothing is recorded');
  }

  const cancel = (store: ObjectStore): Promise<void> =>
    store.write(executionKeys.cancelled(folderOf(EXECUTION)), Buffer.alloc(0));

  test('is recorded with the state that it then had', async () => {
    const { store, submissions } = await open();
    expect(await accept(submissions)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      run: parseRunSpec(SPEC, 'test'),
      submittedMs: expect.any(Number),
      state: 'accepted',
      liftsCancel: false,
      standing: 'none',
    });
    await writeExecution(store, EXECUTION);
    const submission = await accept(submissions);
    await submissions.end(submission, { state: 'failed', failure: { code: 'X', message: 'm' } });
    expect(await submissions.read('r')).toEqual({
      ...submission,
      state: 'failed',
      endedMs: expect.any(Number),
      failure: { code: 'X', message: 'm' },
      standing: `${EXECUTION.runId} unfinished`,
    });
    await placeSuccess(store, folderOf(EXECUTION), COUNTS);
    const again = await accept(submissions);
    expect(again).toMatchObject({ standing: `${EXECUTION.runId} finished` });
    expect(again).not.toHaveProperty('endedMs');
  });

  test('may have that specification only, whether or not a service accepted it', async () => {
    const { store, submissions } = await open();
    await writeExecution(store, EXECUTION);
    const other = submissions.accept({ ...SPEC, seed: 7 });
    await expect(other).rejects.toMatchObject({
      code: 'RUN_NAME_TAKEN',
      message: 'run r exists and has another specification',
      remedy: 'choose another name',
    });
    expect(await submissions.list()).toEqual([]);
    expect(await submissions.accept(SPEC)).toMatchObject({ isNew: true });
  });

  test('that somebody cancelled is not accepted, unless it is to be resumed', async () => {
    const { store, submissions } = await open();
    await writeExecution(store, EXECUTION);
    await cancel(store);
    await expect(submissions.accept(SPEC)).rejects.toMatchObject({
      code: 'RUN_CANCELLED',
      message: 'run r was cancelled',
    });
    const resumed = await accept(submissions, { liftsCancel: true });
    expect(resumed).toMatchObject({ liftsCancel: true, standing: `${EXECUTION.runId} cancelled` });
    // While it waits, the same again is the same run.
    expect(await submissions.accept(SPEC)).toEqual({ name: 'r', submission: resumed, isNew: false });
    await store.delete(executionKeys.cancelled(folderOf(EXECUTION)));
    expect(await submissions.start(resumed)).toBe('started');
    expect(await submissions.read('r')).toEqual({
      ...resumed,
      liftsCancel: false,
      standing: `${EXECUTION.runId} unfinished`,
    });
    // It has started, so a cancel applies to it.
    await cancel(store);
    await expect(submissions.accept(SPEC)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });

  test('starts as it was recorded, where it lifts no cancel', async () => {
    const { submissions } = await open();
    const submission = await accept(submissions);
    expect(await submissions.start(submission)).toBe('started');
    expect(await submissions.read('r')).toEqual(submission);
    expect(
      await submissions.start({ ...submission, run: parseRunSpec({ ...SPEC, name: 'none' }, 'x') }),
    ).toBe('replaced');
    await submissions.end(submission, { state: 'finished' });
    expect(await submissions.start(submission)).toBe('started');
    // The end of an end is none.
    await submissions.end(submission, { state: 'failed' });
    expect(await submissions.read('r')).toMatchObject({ state: 'finished' });
    await submissions.end(
      { ...submission, run: parseRunSpec({ ...SPEC, name: 'none' }, 'x') },
      { state: 'failed' },
    );
    expect(await submissions.read('none')).toBeUndefined();
  });

  test('whose record is obsolete is accepted anew, with any specification of its execution', async () => {
    const { store, submissions } = await open();
    await writeExecution(store, EXECUTION);
    const submission = await accept(submissions);
    await submissions.end(submission, { state: 'cancelled' });
    await expect(submissions.accept(SPEC)).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
    // Somebody ran it from the command line since.
    await placeSuccess(store, folderOf(EXECUTION), COUNTS);
    expect(await submissions.accept(SPEC)).toMatchObject({ isNew: true, submission: { liftsCancel: false } });
  });

  test('is looked for in the lake that it writes to, where its output may be written in another way', async () => {
    const { submissions } = await open();
    const root = join(await makeTestFolder(), 'other');
    const there = openLocalStore(root);
    await writeExecution(there, EXECUTION);
    await placeSuccess(there, folderOf(EXECUTION), COUNTS);
    const accepted = await submissions.accept({ ...SPEC, output: root });
    expect(accepted.submission).toMatchObject({ standing: `${EXECUTION.runId} finished` });
    await expect(submissions.accept({ ...SPEC, name: 'r', output: root, seed: 7 })).rejects.toMatchObject({
      code: 'RUN_NAME_TAKEN',
    });
  });

  test('is checked before it is recorded, unless it waits already', async () => {
    const { submissions } = await open();
    const refused = new Error('refused');
    const checked: string[] = [];
    const sandbox: AcceptOptions['sandbox'] = {
      async check(sql) {
        checked.push(sql);
        throw refused;
      },
    };
    await expect(submissions.accept(SPEC, { sandbox, idempotencyKey: 'k' })).rejects.toBe(refused);
    expect(checked).toEqual([SPEC.sql]);
    expect(await submissions.read('r')).toBeUndefined();
    const before: Accepted = await submissions.accept(SPEC);
    expect(await submissions.accept(SPEC, { sandbox })).toEqual({ ...before, isNew: false });
    expect(checked).toHaveLength(1);
    // A key whose run was refused is free.
    expect(await submissions.accept({ ...SPEC, name: 'other' }, { idempotencyKey: 'k' })).toMatchObject({
      isNew: true,
    });
  });
});
