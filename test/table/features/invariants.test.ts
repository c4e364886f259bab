import { expect, test } from 'vitest';
import { deltaField } from '../../../src/table/delta-schema.ts';
import { INVARIANTS, listInvariants } from '../../../src/table/features/invariants.ts';

const columnWith = (name: string, json: unknown): ReturnType<typeof deltaField> => ({
  ...deltaField(name, 'long'),
  metadata: { 'delta.invariants': json },
});

test('the conditions on columns are read from their metadata, and what cannot be read is told from none', () => {
  const fields = [
    columnWith('a', JSON.stringify({ expression: { expression: 'a > 3' } })),
    deltaField('plain', 'long'),
    columnWith('number', 7),
    columnWith('b', '{'),
    columnWith('c', '{}'),
    columnWith('d', '{"expression":{}}'),
    columnWith('e', '{"expression":{"expression":7}}'),
    columnWith('f', 'null'),
  ];
  expect(listInvariants({ type: 'struct', fields })).toEqual([
    { column: 'a', expression: 'a > 3' },
    ...['b', 'c', 'd', 'e', 'f'].map((column) => ({ column, expression: undefined })),
  ]);
});

test('writers of version 2 have to check them, and pixlake does', () => {
  expect(INVARIANTS).toEqual({
    name: 'invariants',
    boundTo: 'writers',
    sinceWriterVersion: 2,
    support: 'read and write',
  });
});
