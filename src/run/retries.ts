import type { ObjectStore } from '../storage/object-store.ts';
import { executionKeys } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { readExecution } from './read-executions.ts';
import { readSuccess, type Success } from './success.ts';

/** A retry of an execution, and its counts when it has finished. */
export interface KnownRetry {
  readonly retry: Execution;
  readonly success: Success | undefined;
}

/** The retries of an execution, in order. @throws `RUN_CORRUPT` */
export async function listRetries(store: ObjectStore, folder: string): Promise<KnownRetry[]> {
  const known: KnownRetry[] = [];
  for (let number = 1; ; number++) {
    const retryFolder = executionKeys.retry(folder, number);
    if ((await store.stat(executionKeys.spec(retryFolder))) === undefined) return known;
    const retry = await readExecution(store, retryFolder);
    known.push({ retry, success: await readSuccess(store, retryFolder) });
  }
}
