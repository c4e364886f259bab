import { attachmentKey } from '../../src/storage/lake-layout.ts';
import { folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { SubmissionLog } from '../../src/run/submission-log.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** A lake of executions that are frozen and of which nobody has worked on one. */
export interface FrozenRuns {
  readonly store: ObjectStore;
  /** Freezes an execution of a run, each later than the one before, which has some markers such as `_SUCCESS`. */
  readonly freeze: (
    name: string,
    fields?: Parameters<typeof makeExecution>[1],
    ...markers: string[]
  ) => Promise<Execution>;
  /** Attaches a folder of the lake, or another one. */
  readonly attach: (name: string, uri: string) => Promise<void>;
  /** Records that a server has accepted a run, or what became of it. */
  readonly submit: (name: string, more?: object) => Promise<void>;
}

/** Begins such a lake in a folder of the test. */
export async function beginFrozenRuns(): Promise<FrozenRuns> {
  const store = openLocalStore(await makeTestFolder());
  let count = 0;
  return {
    store,
    async freeze(name, fields, ...markers) {
      count += 1;
      // Its id is a hash of the versions that it reads.
      const execution = makeExecution(name, {
        plannedMs: count,
        versions: { [`tables/t${count}`]: '0' },
        ...fields,
      });
      await writeExecution(store, execution);
      for (const marker of markers) {
        const { runId } = execution;
        const counts = { runId, imageCount: 0, takenCount: 0, errorCount: 0, imageBytes: 0 };
        await store.write(`${folderOf(execution)}/${marker}`, encodeStored(counts));
      }
      return execution;
    },
    async attach(name, uri) {
      await store.write(attachmentKey(name), encodeStored({ format: 'delta', uri }));
    },
    async submit(name, more = {}) {
      const run = parseRunSpec({ name, sql: 'SELECT * FROM t' }, 'test');
      const log = new SubmissionLog(store);
      const { number } = await log.readNewest(name);
      await log.add(number + 1, { id: 'x', run, submittedMs: number + 1, state: 'accepted', ...more });
    },
  };
}
