import { expect, test } from 'vitest';
import { checksumOf, checksumTag } from '../../src/table/checksum-tag.ts';
import { addOf } from './table-fixture.ts';

test('the checksum of a data file is in its tags, if pixlake wrote it', () => {
  expect(checksumTag('ab')).toEqual({ 'pixlake.sha256': 'ab' });
  expect(checksumOf({ ...addOf('a'), tags: { a: 'b', ...checksumTag('ab') } })).toBe('ab');
  expect(checksumOf({ ...addOf('a'), tags: { a: 'b' } })).toBeUndefined();
  expect(checksumOf(addOf('a'))).toBeUndefined();
});
