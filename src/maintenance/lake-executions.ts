import { PixlakeError } from '../errors.ts';
import { folderOf, readRunState, type RunState } from '../run/execution.ts';
import { listExecutions } from '../run/read-executions.ts';
import type { Execution } from '../run/execution-schema.ts';
import { listRetries } from '../run/retries.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** An execution in the lake, and how it stands: `retrying` where a retry of it has not finished. */
export interface LakeExecution {
  readonly execution: Execution;
  readonly folder: string;
  readonly state: RunState | 'retrying';
}

/** The executions of all runs in a lake that can be read. */
export async function listLakeExecutions(store: ObjectStore): Promise<LakeExecution[]> {
  const found: LakeExecution[] = [];
  for (const name of await store.listFolders('runs')) {
    const { executions } = await listExecutions(store, name);
    for (const execution of executions) found.push(await describeExecution(store, execution));
  }
  return found;
}

/** Tells how an execution stands. */
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
    // A retry that cannot be read has not been seen to finish.
    if (error instanceof PixlakeError && error.code === 'RUN_CORRUPT') return true;
    throw error;
  }
}

/** Whether an execution still reads a table of this lake, given by its folder, or a table within that folder. */
export function readsFolder(
  store: ObjectStore,
  { execution: { sourceLake, versions }, state }: LakeExecution,
  folder: string,
): boolean {
  if (state === 'finished' || (sourceLake !== undefined && sourceLake !== store.uri)) return false;
  // Attached tables go by where they lie.
  const places = [folder, store.locate(folder)];
  return Object.keys(versions).some((table) =>
    places.some((place) => table === place || table.startsWith(`${place}/`)),
  );
}

/** How messages call executions: the names of their runs. */
export function namesOf(executions: readonly LakeExecution[]): string[] {
  return [...new Set(executions.map(({ execution }) => execution.run.name))].sort();
}
