import type { RunState } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import type { Submission } from './submission-log.ts';

/** The newest execution of a run and its state. */
export interface Standing {
  readonly execution: Execution;
  readonly state: RunState;
}

/** The state of the newest execution of a run, as a text that changes with it. */
export function standingOf(latest: Standing | undefined): string {
  return latest === undefined ? 'none' : `${latest.execution.runId} ${latest.state}`;
}

/**
 * Whether a record still has the state of its run. An end is obsolete when the state of the newest execution has changed: somebody resumed,
 * ran or deleted it in another way.
 */
export function holds({ state, standing }: Submission, latest: Standing | undefined): boolean {
  return state === 'accepted' || standing === undefined || standing === standingOf(latest);
}

/** States of a run. `interrupted` runs are neither finished nor in progress in this process. */
export const RUN_STATES = ['queued', 'running', 'interrupted', 'cancelled', 'failed', 'finished'] as const;
