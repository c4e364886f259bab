import { log } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from './delta-actions.ts';
import { fileKeyOf } from './file-identity.ts';

/** Time limit, because the caller has failed or was told to stop. */
const TIMEOUT_MS = 10_000;

/**
 * Removes data files that no commit names or will name. Never throws, because the error that led here matters more. What it cannot remove is
 * removed by vacuum.
 */
export async function discardDataFiles(
  store: ObjectStore,
  folder: string,
  files: readonly Pick<AddAction, 'path'>[],
): Promise<void> {
  if (files.length === 0) return;
  try {
    // The signal of the store may be what ended the work.
    const unbound = store.withSignal(AbortSignal.timeout(TIMEOUT_MS));
    await unbound.deleteMany(files.map((file) => fileKeyOf(store, folder, file)));
  } catch (error) {
    log.warn(
      { err: messageOf(error), folder },
      'uncommitted data files could not be removed; vacuum removes them',
    );
  }
}
