import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { findConflict } from '../../src/table/commit-conflict.ts';
import type { AddAction, DeltaAction } from '../../src/table/delta-actions.ts';
import { toDataFile } from '../../src/table/file-identity.ts';
import { ANY, type FilePredicate, NONE } from '../../src/table/file-predicate.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';
import { PROTOCOL } from '../../src/table/protocol.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { addOf, changeOf, FOLDER } from './table-fixture.ts';

const BASE = { version: 1 } as Snapshot;
const metaData = {
  id: 'x',
  format: { provider: 'parquet', options: {} },
  schemaString: '',
  partitionColumns: [],
  configuration: {},
};
const removed = [toDataFile(openStore('/lake'), FOLDER, addOf('mine'))];

/** A file with ids from 10 to 20 in the partition `a`. */
const ADD: AddAction = {
  ...addOf('theirs'),
  stats: JSON.stringify({
    numRecords: 1,
    minValues: { id: 10 },
    maxValues: { id: 20 },
    nullCount: { id: 0 },
  }),
};
const idFrom = (value: number): FilePredicate => ({
  kind: 'compare',
  column: 'id',
  comparison: '>=',
  literal: { kind: 'number', value },
});
const kindIs = (value: string): FilePredicate => ({
  kind: 'compare',
  column: 'kind',
  comparison: '=',
  literal: { kind: 'string', value },
});

describe('after a commit that', () => {
  test.each<[string, Partial<TableChange>, DeltaAction, string | undefined]>([
    ['made the table, one that makes it', { base: undefined }, { protocol: PROTOCOL }, 'it made the table'],
    ['changed the protocol, any', {}, { protocol: PROTOCOL }, 'it changed the protocol'],
    ['changed the metadata, any', {}, { metaData }, 'it changed the columns or properties'],
    [
      'removed a file, one that removes it',
      { removed },
      { remove: { path: 'mine', dataChange: false } },
      'it removed a file that this one removes',
    ],
    [
      'removed rows, one that read any',
      { reads: ANY },
      { remove: { path: 'x', dataChange: true } },
      'it removed rows that this one read',
    ],
    [
      'added rows, one that read such rows',
      { reads: idFrom(20) },
      { add: ADD },
      'it added rows that this one would have read',
    ],
    [
      'added rows, one that read their partition',
      { reads: kindIs('a') },
      { add: ADD },
      'it added rows that this one would have read',
    ],
  ])('%s conflicts', (_, change, action, conflict) => {
    const ours = changeOf({ base: BASE, ...change });
    expect(findConflict(ours, [{ commitInfo: {} }, action])).toBe(conflict);
  });

  test.each<[string, Partial<TableChange>, DeltaAction]>([
    ['says nothing else, any', { reads: ANY, removed }, { commitInfo: {} }],
    ['is of a transaction, any', { reads: ANY, removed }, { txn: { appId: 'a', version: 1 } }],
    ['removed another file, one that removes some', { removed }, { remove: { path: 'x', dataChange: true } }],
    ['removed rows, one that read some', { reads: idFrom(0) }, { remove: { path: 'x', dataChange: true } }],
    ['moved rows, one that read any', { reads: ANY }, { remove: { path: 'x', dataChange: false } }],
    ['moved rows to a file, one that read any', { reads: ANY }, { add: { ...ADD, dataChange: false } }],
    ['added other rows, one that read some', { reads: idFrom(21) }, { add: ADD }],
    ['added rows of another partition, one that read one', { reads: kindIs('b') }, { add: ADD }],
    ['added rows, one that read none', { reads: NONE }, { add: ADD }],
  ])('%s is no conflict', (_, change, action) => {
    expect(findConflict(changeOf({ base: BASE, ...change }), [{ commitInfo: {} }, action])).toBeUndefined();
  });

  test('does several things, the first that conflicts is named', () => {
    const actions = [{ remove: { path: 'x', dataChange: true } }, { add: ADD }, { metaData }];
    expect(findConflict(changeOf({ base: BASE, reads: idFrom(0) }), actions)).toMatch(/^it added rows/u);
    expect(findConflict(changeOf({ base: BASE }), actions)).toMatch(/^it changed the columns/u);
  });
});
