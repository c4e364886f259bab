import { z } from 'zod';
import {
  isName,
  submissionChangesFolder,
  submissionKey,
  SUBMISSIONS_FOLDER,
} from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { runSpecSchema } from './run-spec.ts';
import { addRecord, readRecord, setAside } from './stored-record.ts';
import { timeMs } from './time-ms.ts';
import { workInOrder } from './work-in-order.ts';

/** Schema of records of accepted runs. Records of older versions may lack optional fields and fields of the run. */
const submissionSchema = z
  .object({
    /** Id of the attempt. A run that is accepted again gets another one. */
    id: z.string().optional(),
    run: runSpecSchema,
    submittedMs: timeMs,
    state: z.enum(['accepted', 'cancelled', 'failed', 'finished']),
    /** When it ended. */
    endedMs: timeMs.optional(),
    /** Whether the run continues although it was cancelled before. */
    liftsCancel: z.boolean().optional(),
    /** State of the run's newest execution at the time of recording; see `standingOf`. */
    standing: z.string().optional(),
    /** Why it failed. */
    failure: z.object({ code: z.string(), message: z.string(), remedy: z.string().optional() }).optional(),
  })
  .readonly();

/** An accepted run and its state. It is recorded in the lake, so no crash loses it. */
export type Submission = z.output<typeof submissionSchema>;

/** The newest readable record of a run, and the number of its newest record; -1 if there is none. */
export interface NewestRecord {
  readonly number: number;
  readonly submission: Submission | undefined;
}

const READS_AT_ONCE = 16;

/**
 * The records of accepted runs: one log per name, whose record with the highest number has the state of the run. Each record is written only
 * if its number is free, and never changed, or removed before its run. So if several servers continue from the same record, one wins, on every store.
 */
export class SubmissionLog {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Reads the newest record of a run. @throws `STORAGE_…` */
  async readNewest(name: string): Promise<NewestRecord> {
    const numbers: number[] = [];
    for await (const { key } of this.#store.list(submissionChangesFolder(name))) {
      const change = parseChangeKey(key);
      if (change !== undefined) numbers.push(change.number);
    }
    return this.#readNewestOf(name, numbers);
  }

  /** Adds a record unless its number is taken, and returns whether it did; see `ObjectStore.writeIfAbsent`. */
  async add(number: number, submission: Submission): Promise<boolean> {
    return addRecord(this.#store, submissionKey(submission.run.name, number), submission);
  }

  /** The newest record of each run, in the order of submission. @throws `STORAGE_…` */
  async list(): Promise<Submission[]> {
    const numbers = new Map<string, number[]>();
    for await (const { key } of this.#store.list(SUBMISSIONS_FOLDER)) {
      const first = /^submissions\/([^/]+)\.json$/u.exec(key)?.[1];
      if (first !== undefined && !isName(first)) {
        await setAside(
          this.#store,
          key,
          await this.#store.read(key),
          'its name is not a valid name of a run',
        );
        continue;
      }
      const change = first === undefined ? parseChangeKey(key) : { name: first, number: 0 };
      if (change === undefined) continue;
      numbers.set(change.name, [...(numbers.get(change.name) ?? []), change.number]);
    }
    const found: Submission[] = [];
    const reads = workInOrder(numbers, READS_AT_ONCE, ([name, some]) => this.#readNewestOf(name, some));
    for await (const { submission } of reads) if (submission !== undefined) found.push(submission);
    return found.sort((a, b) => a.submittedMs - b.submittedMs);
  }

  /** Removes all records of a run, the newest one last, so the rest still has its state. */
  async remove(name: string): Promise<void> {
    const numbers = [0];
    for await (const { key } of this.#store.list(submissionChangesFolder(name))) {
      const change = parseChangeKey(key);
      if (change !== undefined) numbers.push(change.number);
    }
    const keys = numbers.sort((a, b) => a - b).map((number) => submissionKey(name, number));
    await this.#store.deleteMany(keys);
  }

  async #readNewestOf(name: string, numbers: readonly number[]): Promise<NewestRecord> {
    const schema = submissionSchema.refine(({ run }) => run.name === name, { error: 'is of another run' });
    let highest = -1;
    for (const number of [...new Set([...numbers, 0])].sort((a, b) => b - a)) {
      const record = await readRecord(this.#store, submissionKey(name, number), schema);
      if (record.kind === 'absent') continue;
      highest = Math.max(highest, number);
      if (record.kind === 'valid') return { number: highest, submission: record.value };
    }
    return { number: highest, submission: undefined };
  }
}

function parseChangeKey(key: string): { readonly name: string; readonly number: number } | undefined {
  const [, name = '', digits = ''] =
    /^submissions\/changes\/([^/]+)\/([1-9]\d{0,14})\.json$/u.exec(key) ?? [];
  return isName(name) ? { name, number: Number(digits) } : undefined;
}
