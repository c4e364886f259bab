import { z } from 'zod';
import { hashFile, sha256Of } from '../storage/hash-file.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { checksumOf } from '../table/checksum-tag.ts';
import { checkpointKey, lastCheckpointKey } from '../table/log-listing.ts';
import type { DataFile } from '../table/snapshot.ts';

/** A file whose bytes have changed since they were written. */
export interface ChecksumProblem {
  readonly key: string;
  readonly problem: string;
}

const OTHER_BYTES = 'does not match the checksum with which it was written';

/** Compares a data file with the checksum with which it was written. Files of other writers have none. @throws `STORAGE_…` */
export async function checkDataFile(store: ObjectStore, { key, add }: DataFile): Promise<ChecksumProblem[]> {
  const sha256 = checksumOf(add);
  if (sha256 === undefined) return [];
  const found =
    store.remote === undefined ? await hashFile(store.locate(key)) : sha256Of(await store.read(key));
  return found === sha256 ? [] : [{ key, problem: OTHER_BYTES }];
}

const hintSchema = z.object({ version: z.number(), sha256: z.string() });

/** Compares the newest checkpoint with the checksum in the hint that names it. Hints of other writers have none. @throws `STORAGE_…` */
export async function checkCheckpoint(store: ObjectStore, folder: string): Promise<ChecksumProblem[]> {
  const hint = parseHint(await readIfPresent(store, lastCheckpointKey(folder)));
  if (hint === undefined) return [];
  const key = checkpointKey(folder, hint.version);
  const bytes = await readIfPresent(store, key);
  if (bytes === undefined || sha256Of(bytes) === hint.sha256) return [];
  return [{ key, problem: OTHER_BYTES }];
}

function parseHint(bytes: Buffer | undefined): z.output<typeof hintSchema> | undefined {
  try {
    return hintSchema.parse(JSON.parse(bytes?.toString('utf8') ?? ''));
  } catch {
    // Readers do not need the hint, so a damaged one does no harm.
    return undefined;
  }
}
