import { expect, test } from 'vitest';
import { holds, standingOf } from '../../src/run/standing.ts';
import type { Submission } from '../../src/run/submission-log.ts';
import { makeExecution } from '../support/execution.ts';

const execution = makeExecution('r');
const other = makeExecution('r', { versions: { 'tables/t': '1' } });
const FINISHED = { execution, state: 'finished' } as const;

function submissionOf(state: Submission['state'], standing?: string): Submission {
  return { run: execution.run, submittedMs: 1, state, ...(standing === undefined ? {} : { standing }) };
}

test('the standing of a run changes with its newest execution and the state of that', () => {
  const standings = [
    standingOf(undefined),
    standingOf(FINISHED),
    standingOf({ execution, state: 'cancelled' }),
    standingOf({ execution: other, state: 'finished' }),
  ];
  expect(new Set(standings).size).toBe(4);
  expect(standingOf({ execution: { ...execution }, state: 'finished' })).toBe(standings[1]);
});

test.each(['finished', 'failed', 'cancelled'] as const)(
  'a record that a run is %s holds until the newest execution is another or in another state',
  (state) => {
    const record = submissionOf(state, standingOf(FINISHED));
    expect(holds(record, FINISHED)).toBe(true);
    expect(holds(record, undefined)).toBe(false);
    expect(holds(record, { execution, state: 'unfinished' })).toBe(false);
    expect(holds(record, { execution: other, state: 'finished' })).toBe(false);
    // Records of older versions say nothing of it.
    expect(holds(submissionOf(state), undefined)).toBe(true);
  },
);

test('a run that was accepted stays so, whatever the lake holds', () => {
  const record = submissionOf('accepted', standingOf(undefined));
  expect(holds(record, undefined)).toBe(true);
  expect(holds(record, FINISHED)).toBe(true);
});
