import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { executionKeys } from './execution.ts';

/** The error that ends work on a cancelled execution. */
export function cancelledError(folder: string): PixlakeError {
  return new PixlakeError('RUN_CANCELLED', `the run in ${folder} was cancelled`);
}

/** Refuses to finish a cancelled run: it may be done before the next check, but its user was told that it stops. @throws `RUN_CANCELLED` */
export async function refuseCancelled(store: ObjectStore, folder: string): Promise<void> {
  if (await store.stat(executionKeys.cancelled(folder))) throw cancelledError(folder);
}
