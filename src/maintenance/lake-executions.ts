import { PixlakeError } from '../errors.ts';
import { folderOf, readRunState, type RunState } from '../run/execution.ts';
import { listExecutions } from '../run/read-executions.ts';
import type { Execution } from '../run/execution-schema.ts';
import { listRetries } from '../run/retries.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** An execution in the lake and its state: `retrying` if one of its retries has not finished. */
export interface LakeExecution {
  readonly execution: Execution;
  readonly folder: string;
  readonly state: RunState | 'retrying';
}

/** All readable executions in a lake. */
export async function listLakeExecutions(store: ObjectStore): Promise<LakeExecution[]> {
  const found: LakeExecution[] = [];
  for (const name of await store.listFolders('runs')) {
    const { executions } = await listExecutions(store, name);
    for (const execution of executions) found.push(await describeExecution(store, execution));
  }
  return found;
}

/** Describes the state of an execution. */
export async function describeExecution(store: ObjectStore, execution: Execution): Promise<LakeExecution> {
  const folder = folderOf(execution);
  const state = await readRunState(store, folder);
  const isRetrying = state === 'finished' && (await hasUnfinishedRetry(store, folder));
  return { execution, folder, state: isRetrying ? 'retrying' : state };
}

async function hasUnfinishedRetry(store: ObjectStore, folder: string): Promise<boolean> {
  try {
    return (await listRetries(store, folder)).some(({ success }) => success === undefined);
  } catch (error) {
    // A retry that cannot be read counts as unfinished.
    if (error instanceof PixlakeError && error.code === 'RUN_CORRUPT') return true;
    throw error;
  }
}

/** Whether an execution still reads a table of this lake, given by its folder, or a table in that folder. */
export function readsFolder(
  store: ObjectStore,
  { execution: { sourceLake, versions }, state }: LakeExecution,
  folder: string,
): boolean {
  if (state === 'finished' || (sourceLake !== undefined && sourceLake !== store.uri)) return false;
  // Attached tables are identified by their location.
  const places = [folder, store.locate(folder)];
  return Object.keys(versions).some((table) =>
    places.some((place) => table === place || table.startsWith(`${place}/`)),
  );
}

/** Names of executions in messages: those of their runs. */
export function namesOf(executions: readonly LakeExecution[]): string[] {
  return [...new Set(executions.map(({ execution }) => execution.run.name))].sort();
}
