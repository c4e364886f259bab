import { expect, test } from 'vitest';
import { readHistory } from '../../src/table/table-history.ts';
import { DeltaTable } from '../support/delta-table.ts';
import { FOLDER } from './table-fixture.ts';

test('versions are described as their writers did, newest first, and no more than are asked for', async () => {
  const table = await DeltaTable.begin();
  await table.action({ commitInfo: {} }).commit();
  await table
    .commitInfo(Date.UTC(2999, 0, 1), {
      operation: 'MERGE',
      operationParameters: { a: [1] },
      operationMetrics: { rows: '2' },
      engineInfo: 'spark',
    })
    .commit();
  const history = await readHistory(table.store, FOLDER, 5);
  const plain = { operation: 'UNKNOWN', parameters: {}, metrics: {}, software: undefined };
  const newest = {
    version: 1,
    timestamp: '2999-01-01T00:00:00.000Z',
    operation: 'MERGE',
    parameters: { a: [1] },
    metrics: { rows: '2' },
    software: 'spark',
  };
  expect(history).toEqual([newest, { version: 0, timestamp: expect.stringMatching(/^20.*Z$/u), ...plain }]);
  expect(await readHistory(table.store, FOLDER, 1)).toEqual([newest]);
});

test('a table that is not there has no history', async () => {
  const { store } = await DeltaTable.begin();
  expect(await readHistory(store, 'tables/none', 5)).toBeUndefined();
});
