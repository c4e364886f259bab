import { expect, test } from 'vitest';
import { readStats, rowCountOf } from '../../src/table/snapshot.ts';
import { addOf } from './table-fixture.ts';

test.each<[string | undefined, object, number | undefined]>([
  ['{"numRecords":3,"minValues":{"a":1}}', { numRecords: 3, minValues: { a: 1 } }, 3],
  ['{"numRecords":0}', { numRecords: 0 }, 0],
  ['{"numRecords":1.5}', { numRecords: 1.5 }, undefined],
  ['{"numRecords":"3"}', { numRecords: '3' }, undefined],
  ['{}', {}, undefined],
  ['null', {}, undefined],
  ['7', {}, undefined],
  ['"a"', {}, undefined],
  ['{"numRec', {}, undefined],
  [undefined, {}, undefined],
])('the statistics %s are %j, and %s rows', (stats, expected, rowCount) => {
  const { stats: _, ...add } = addOf('a');
  const file = { add: stats === undefined ? add : { ...add, stats } };
  expect(readStats(file)).toEqual(expected);
  expect(rowCountOf(file)).toBe(rowCount);
});
