import { z } from 'zod';
import type { ObjectStore } from '../storage/object-store.ts';
import { encodeStored, readStored } from '../storage/stored-json.ts';
import { executionKeys } from './execution.ts';
import { timeMs } from './time-ms.ts';

const count = z.int().min(0);

const successSchema = z.object({
  runId: z.string(),
  imageCount: count,
  takenCount: count,
  errorCount: count,
  imageBytes: count,
  /** When it ended, in ms since 1970; missing in those of older versions. */
  finishedMs: timeMs.optional(),
});

/** The counts of a finished execution, and its time: the contents of `_SUCCESS`. */
export type Success = Readonly<z.output<typeof successSchema>>;

/** Reads the counts of a finished execution; `undefined` if it has not finished, or if they are damaged or belong to another execution. */
export async function readSuccess(store: ObjectStore, folder: string): Promise<Success | undefined> {
  const stored = await readStored(store, executionKeys.success(folder));
  const { data: success } = successSchema.safeParse(stored);
  const isOwn = success !== undefined && folder.split('/').includes(`run_id=${success.runId}`);
  return isOwn ? success : undefined;
}

/** Ends an execution now and returns the valid counts and time, which are those of the first process. */
export async function placeSuccess(store: ObjectStore, folder: string, counts: Success): Promise<Success> {
  const key = executionKeys.success(folder);
  const success = { ...counts, finishedMs: Date.now() };
  if (await store.writeIfAbsent(key, encodeStored(success), { durable: true })) return success;
  const present = await readSuccess(store, folder);
  if (present === undefined) await store.write(key, encodeStored(success));
  return present ?? success;
}
