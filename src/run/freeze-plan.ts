import type { ObjectStore } from '../storage/object-store.ts';
import { executionKeys, folderOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { readExecution, writeExecution } from './read-executions.ts';
import type { PlanFile } from './write-plan.ts';

/** A plan that can be frozen or, after a dry run, dropped. */
export interface PlannedRun {
  readonly execution: Execution;
  readonly files: readonly PlanFile[];
}

/**
 * Writes plan and execution into a lake and returns the valid execution: the first one that was frozen, if another process plans the
 * same run at the same time.
 */
export async function freezePlan(store: ObjectStore, { execution, files }: PlannedRun): Promise<Execution> {
  const folder = folderOf(execution);
  const keys = files.map((_file, part) => executionKeys.planPart(folder, execution.plan, part));
  for (const [part, { path }] of files.entries()) await store.moveIn(keys[part] ?? '', path);
  // Written last, so a folder with a specification has its whole plan.
  if (await writeExecution(store, execution)) return execution;
  const frozen = await readExecution(store, folder);
  // Plans are named by their contents, so both processes wrote the same files unless they matched other rows.
  if (frozen.plan.sha256 !== execution.plan.sha256) await store.deleteMany(keys);
  return frozen;
}
