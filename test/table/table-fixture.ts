import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { AddAction } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { commitChange } from '../support/commit-change.ts';
import { makeTestFolder } from '../support/pixlake.ts';

export const SCHEMA: DeltaStruct = {
  type: 'struct',
  fields: [deltaField('id', 'long'), deltaField('kind', 'string')],
};
export const FOLDER = 'tables/t';

/** An `add` action of a file that need not be there. */
export function addOf(path: string, rowCount = 1): AddAction {
  const stats = JSON.stringify({ numRecords: rowCount, minValues: {}, maxValues: {}, nullCount: {} });
  return { path, partitionValues: { kind: 'a' }, size: 10, modificationTime: 0, dataChange: true, stats };
}

/** A change that makes a table unless a base is given. */
export function changeOf(change: Partial<TableChange>): TableChange {
  return {
    folder: FOLDER,
    base: undefined,
    schema: SCHEMA,
    partitionColumns: ['kind'],
    added: [],
    removed: [],
    reads: NONE,
    rowDelta: undefined,
    operation: 'WRITE',
    parameters: {},
    metrics: { numAddedRows: 1 },
    software: 'pixlake/test',
    ...change,
  };
}

/** Makes a table of two files, in a new folder. */
export async function openTable(): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await makeTestFolder();
  const store = openLocalStore(folder);
  await commitChange(store, changeOf({ added: [addOf('a.parquet', 3), addOf('kind=x%2520y/b.parquet', 4)] }));
  return { store, folder };
}
