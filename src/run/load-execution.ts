import { hash } from 'node:crypto';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readStored } from '../storage/stored-json.ts';
import { canonicalJson } from './canonical-json.ts';
import { executionKeys } from './execution.ts';
import type { Execution } from './execution-schema.ts';

/** The hash by which jobs identify an execution; see `ShardJob`. */
export function hashExecution(execution: Execution): string {
  return hash('sha256', canonicalJson(execution), 'hex');
}

/**
 * Reads the execution of a job.
 *
 * @throws `RUN_NOT_FOUND`, `RUN_REMOVED`, `RUN_CORRUPT` if it is damaged or another execution, `STORAGE_…`
 */
export async function loadExecution(
  store: ObjectStore,
  folder: string,
  executionSha256: string,
): Promise<Execution> {
  const stored = (await readStored(store, executionKeys.spec(folder))) as Execution | undefined;
  // The hash shows that this execution was parsed when its jobs were made. Loading a schema would delay the threads.
  if (stored !== undefined && hashExecution(stored) === executionSha256) return stored;
  const { readExecution } = await import('./read-executions.ts');
  const execution = await readExecution(store, folder);
  if (hashExecution(execution) === executionSha256) return execution;
  throw new PixlakeError('RUN_CORRUPT', `${folder} contains another execution than the job names`, {
    remedy: 'start the run again; finished work is kept',
  });
}
