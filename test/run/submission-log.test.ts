import { expect, test } from 'vitest';
import { SubmissionLog, type Submission } from '../../src/run/submission-log.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

function submissionOf(name: string, submittedMs = 1, state: Submission['state'] = 'accepted'): Submission {
  return { run: parseRunSpec({ name, sql: 'SELECT 1' }, 'test'), submittedMs, state };
}

test('the record with the highest number has the state of the run', async () => {
  const log = new SubmissionLog(openLocalStore(await makeTestFolder()));
  expect(await log.readNewest('r')).toEqual({ number: -1, submission: undefined });
  for (let number = 0; number <= 11; number++)
    expect(await log.add(number, submissionOf('r', number)), `${number}`).toBe(true);
  expect(await log.readNewest('r')).toEqual({ number: 11, submission: submissionOf('r', 11) });
  expect(await log.readNewest('other')).toMatchObject({ number: -1 });
  expect.assertions(15);
});

test('a number that is taken stays with its first record', async () => {
  const log = new SubmissionLog(openLocalStore(await makeTestFolder()));
  expect(await log.add(0, submissionOf('r', 1))).toBe(true);
  expect(await log.add(0, submissionOf('r', 2))).toBe(false);
  expect((await log.readNewest('r')).submission?.submittedMs).toBe(1);
});

test('the runs of a lake are listed once each, in the order in which they were submitted', async () => {
  const log = new SubmissionLog(openLocalStore(await makeTestFolder()));
  for (const [name, submittedMs] of [
    ['late', 30],
    ['early', 10],
    ['between', 20],
  ] as const)
    await log.add(0, submissionOf(name, submittedMs));
  await log.add(1, submissionOf('between', 20, 'failed'));
  const listed = await log.list();
  expect(listed.map(({ run, state }) => `${run.name} ${state}`)).toEqual([
    'early accepted',
    'between failed',
    'late accepted',
  ]);
});

test('all records of a run are removed, the newest last, and no others', async () => {
  const store = openLocalStore(await makeTestFolder());
  const deleted: string[] = [];
  const log = new SubmissionLog(
    withFaults(store, {
      deleteMany: async (keys) => {
        deleted.push(...keys);
        await store.deleteMany(keys);
      },
    }),
  );
  for (let number = 0; number <= 10; number++) await log.add(number, submissionOf('r', number));
  await log.add(0, submissionOf('other'));
  const all = await keysOf(store, 'submissions');
  await log.remove('r');
  expect(await keysOf(store, 'submissions')).toEqual(['submissions/other.json']);
  expect([...deleted, 'submissions/other.json'].sort()).toEqual(all);
  expect(deleted[0]).toBe('submissions/r.json');
  expect(deleted.at(-1)).toBe('submissions/changes/r/10.json');
  expect(await log.readNewest('r')).toEqual({ number: -1, submission: undefined });
});
