import { log } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction } from './delta-actions.ts';
import { fileKeyOf } from './file-identity.ts';

/** How long may be spent on it: whoever discards has failed, or was told to stop. */
const TIMEOUT_MS = 10_000;

/**
 * Removes data files that no commit names and none ever will. Never throws, since it follows an error that matters more: what it leaves is
 * removed by vacuum.
 */
export async function discardDataFiles(
  store: ObjectStore,
  folder: string,
  files: readonly Pick<AddAction, 'path'>[],
): Promise<void> {
  if (files.length === 0) return;
  try {
    // The signal that the store is bound to may be what ended the work.
    const unbound = store.withSignal(AbortSignal.timeout(TIMEOUT_MS));
    await unbound.deleteMany(files.map((file) => fileKeyOf(store, folder, file)));
  } catch (error) {
    log.warn({ err: messageOf(error), folder }, 'data files that were not committed could not be removed');
  }
}
