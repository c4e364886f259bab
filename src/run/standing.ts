import type { RunState } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import type { Submission } from './submission-log.ts';

/** The newest execution of a run and how it stands. */
export interface Standing {
  readonly execution: Execution;
  readonly state: RunState;
}

/** How the newest execution of a run stands, in a word that changes when it does. */
export function standingOf(latest: Standing | undefined): string {
  return latest === undefined ? 'none' : `${latest.execution.runId} ${latest.state}`;
}

/**
 * Whether a record still tells how its run stands. An end no longer does once the run's newest execution stands otherwise: somebody resumed,
 * ran or deleted it by other means.
 */
export function holds({ state, standing }: Submission, latest: Standing | undefined): boolean {
  return state === 'accepted' || standing === undefined || standing === standingOf(latest);
}

/** Where a run stands. `interrupted` is neither finished nor in work in this process. */
export const RUN_STATES = ['queued', 'running', 'interrupted', 'cancelled', 'failed', 'finished'] as const;
