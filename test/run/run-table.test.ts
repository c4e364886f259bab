import { expect, test } from 'vitest';
import { addToRunTable, describeCommit } from '../../src/run/run-table.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readHistory } from '../../src/table/table-history.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { deltaField } from '../../src/table/delta-schema.ts';
import { makeExecution } from '../support/execution.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const EXECUTION = makeExecution('r');
const FOLDER = 'runs/r/run_id=0123456789abcdef/manifest';
const SCHEMA = { type: 'struct', fields: [deltaField('id', 'long')] } as const;
const COUNTS = { runId: EXECUTION.runId, imageCount: 3, takenCount: 0, errorCount: 2, imageBytes: 9 };
const add = (path: string): Parameters<typeof addToRunTable>[3][number] => ({
  path,
  partitionValues: {},
  size: 3,
  modificationTime: 1,
  dataChange: true,
  stats: '{"numRecords":3}',
});

test('a run adds to its table once, however often its commit is done; a retry adds to it again', async () => {
  const store = openLocalStore(await makeTestFolder());
  const commit = (retryNumber: number, path: string, rowDelta = 3): Promise<void> =>
    addToRunTable(
      store,
      FOLDER,
      SCHEMA,
      [add(path)],
      describeCommit(EXECUTION, retryNumber, COUNTS, 'pixlake/test', rowDelta),
    );
  const pathsOf = async (): Promise<(string | undefined)[]> =>
    ((await readSnapshot(store, FOLDER))?.files ?? []).map(({ add: { path } }) => path).sort();
  await store.write(`${FOLDER}/a.parquet`, Buffer.alloc(3));
  await store.write(`${FOLDER}/b.parquet`, Buffer.alloc(3));
  await commit(0, 'a.parquet');
  await commit(0, 'b.parquet');
  expect(await pathsOf()).toEqual(['a.parquet']);
  // The files belong to markers, which name them after a commit that came too late as well.
  expect(await store.stat(`${FOLDER}/b.parquet`)).toBeDefined();
  await commit(1, 'b.parquet');
  await commit(1, 'c.parquet');
  expect(await pathsOf()).toEqual(['a.parquet', 'b.parquet']);
  // A marker that names a file of fewer or more rows than it counts has lost some.
  await expect(commit(2, 'd.parquet', 4)).rejects.toMatchObject({ code: 'ROW_COUNT_MISMATCH' });
  const history = await readHistory(store, FOLDER, 9);
  expect(history).toHaveLength(2);
});

test('a commit of a run tells its counts, and conflicts with nothing', () => {
  expect(describeCommit(EXECUTION, 2, COUNTS, 'pixlake/test', 3)).toEqual({
    reads: NONE,
    once: { appId: `pixlake-run-${EXECUTION.runId}`, version: 2 },
    operation: 'WRITE',
    parameters: { runId: EXECUTION.runId },
    metrics: { numAddedRows: 3, numErrors: 2 },
    rowDelta: 3,
    software: 'pixlake/test',
  });
});
