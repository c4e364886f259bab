import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import type { Execution } from '../../src/run/execution-schema.ts';
import { freezePlan, type PlannedRun } from '../../src/run/freeze-plan.ts';
import { readExecution } from '../../src/run/read-executions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeExecution } from '../support/execution.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** A plan of two parts, with what they contain. */
async function planWith(digit: string): Promise<PlannedRun> {
  const folder = await makeTestFolder();
  const part = { rowCount: 1, sizeBytes: 1, sha256: digit.repeat(64) };
  const files = ['a', 'b'].map((name) => ({ path: join(folder, name), part }));
  for (const { path } of files) await writeFile(path, digit);
  const plan = { sha256: digit.repeat(64), volatileBecause: [], partRowCount: 1, parts: [part, part] };
  return { execution: makeExecution('r', { rowCount: 2, shardCount: 2, plan }), files };
}

function partKeys(execution: Execution): string[] {
  return [0, 1].map((part) => executionKeys.planPart(folderOf(execution), execution.plan, part));
}

async function textsOf(store: ObjectStore, keys: readonly string[]): Promise<string[]> {
  return Promise.all(keys.map(async (key) => (await store.read(key)).toString()));
}

test('the parts of a plan are there before the specification that names them', async () => {
  const store = openLocalStore(await makeTestFolder());
  const planned = await planWith('1');
  let before: string[] = [];
  const watched = withFaults(store, {
    writeIfAbsent: async (key, bytes, options) => {
      before = await keysOf(store, 'runs');
      return store.writeIfAbsent(key, bytes, options);
    },
  });
  expect(await freezePlan(watched, planned)).toEqual(planned.execution);
  expect(before).toEqual(partKeys(planned.execution));
  expect(await textsOf(store, partKeys(planned.execution))).toEqual(['1', '1']);
  expect(await readExecution(store, folderOf(planned.execution))).toEqual(planned.execution);
});

test('of two processes that matched other rows, the first has its plan, and the other leaves nothing', async () => {
  const store = openLocalStore(await makeTestFolder());
  const [first, second] = [await planWith('1'), await planWith('2')];
  await freezePlan(store, first);
  expect(await freezePlan(store, second)).toEqual(first.execution);
  expect(await keysOf(store, executionKeys.planFolder(folderOf(first.execution)))).toEqual(
    partKeys(first.execution),
  );
  expect(await textsOf(store, partKeys(first.execution))).toEqual(['1', '1']);
});

test('of two processes that matched the same rows, neither takes the plan from the other', async () => {
  const store = openLocalStore(await makeTestFolder());
  const first = await planWith('1');
  await freezePlan(store, first);
  const again = await planWith('1');
  const later = { ...again, execution: { ...again.execution, plannedMs: 2 } };
  expect(await freezePlan(store, later)).toEqual(first.execution);
  expect(await textsOf(store, partKeys(first.execution))).toEqual(['1', '1']);
});
