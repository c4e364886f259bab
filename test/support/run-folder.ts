import { specKey, successKey } from '../../src/storage/lake-layout.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';

/** Writes what SQL looks for in an execution's folder besides its tables: when it was planned, and whether it has finished. */
export async function writeRunFolder(
  store: ObjectStore,
  folder: string,
  { plannedMs, isFinished }: { readonly plannedMs: number; readonly isFinished: boolean },
): Promise<void> {
  await store.write(specKey(folder), encodeStored({ layoutVersion: 2, plannedMs }));
  if (isFinished) await store.write(successKey(folder), Buffer.from('{}'));
}
