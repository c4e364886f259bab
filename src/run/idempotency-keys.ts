import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SUBMISSIONS_FOLDER } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { encodeStored } from '../storage/stored-json.ts';
import { runSpecSchema } from './run-spec.ts';
import { addRecord, readRecord } from './stored-record.ts';

const KEYS_FOLDER = `${SUBMISSIONS_FOLDER}/keys`;

const claimSchema = z
  .object({
    run: runSpecSchema,
    /** Number of the run's newest record when the key was claimed. The claimed submission has a higher one. */
    after: z.int().min(-1),
  })
  .readonly();

/** The use of an Idempotency-Key. */
export type KeyClaim = z.output<typeof claimSchema>;

/** The Idempotency-Keys that clients have used. */
export class IdempotencyKeys {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** The use of the key; `undefined` if it was not used. */
  async read(idempotencyKey: string): Promise<KeyClaim | undefined> {
    const record = await readRecord(this.#store, keyOf(idempotencyKey), claimSchema);
    return record.kind === 'valid' ? record.value : undefined;
  }

  /** Claims the key unless it was used before, and returns whether it did. */
  async claim(idempotencyKey: string, claim: KeyClaim): Promise<boolean> {
    const key = keyOf(idempotencyKey);
    if (await addRecord(this.#store, key, claim)) return true;
    if ((await this.read(idempotencyKey)) !== undefined) return false;
    // The present record is damaged and was set aside.
    await this.#store.write(key, encodeStored(claim));
    return true;
  }

  /** Removes the keys that were used for a run. */
  async remove(name: string): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.#store.list(KEYS_FOLDER)) {
      const record = await readRecord(this.#store, key, claimSchema);
      if (record.kind === 'valid' && record.value.run.name === name) keys.push(key);
    }
    await this.#store.deleteMany(keys);
  }
}

function keyOf(idempotencyKey: string): string {
  const hash = createHash('sha256').update(idempotencyKey).digest('hex');
  return `${KEYS_FOLDER}/${hash}.json`;
}
