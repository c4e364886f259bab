import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { executionKeys } from './execution.ts';

/** What ends work on an execution that was cancelled. */
export function cancelledError(folder: string, cause?: unknown): PixlakeError {
  return new PixlakeError('RUN_CANCELLED', `the run in ${folder} was cancelled`, { cause });
}

/** A run may be done before anyone next looks; who cancelled it was told that it stops. @throws `RUN_CANCELLED` */
export async function refuseCancelled(store: ObjectStore, folder: string): Promise<void> {
  if (await store.stat(executionKeys.cancelled(folder))) throw cancelledError(folder);
}
