import { expect, test } from 'vitest';
import type { MetadataAction } from '../../../src/table/delta-actions.ts';
import { APPEND_ONLY, isAppendOnly } from '../../../src/table/features/append-only.ts';

test('a table forbids the removal of rows only if it says so', () => {
  const says = (configuration: object): boolean => isAppendOnly({ configuration } as MetadataAction);
  expect(says({ 'delta.appendOnly': 'true' })).toBe(true);
  expect(says({ 'delta.appendOnly': 'false' })).toBe(false);
  expect(says({})).toBe(false);
});

test('writers of version 2 have to keep to it, and pixlake does', () => {
  expect(APPEND_ONLY).toEqual({
    name: 'appendOnly',
    boundTo: 'writers',
    sinceWriterVersion: 2,
    support: 'read and write',
  });
});
