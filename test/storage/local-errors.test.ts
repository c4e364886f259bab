import { describe, expect, test } from 'vitest';
import { type ErrorCode, PixlakeError } from '../../src/errors.ts';
import { guard, isMissing, isReadOnly, systemCode, wrap } from '../../src/storage/local-errors.ts';

const ofSystem = (code: unknown): Error => Object.assign(new Error(`${String(code)}: failed`), { code });

describe('errors of the operating system', () => {
  test.each<[string, ErrorCode]>([
    ['ENOENT', 'OBJECT_NOT_FOUND'],
    ['ENOTDIR', 'OBJECT_NOT_FOUND'],
    ['ENOSPC', 'STORAGE_FULL'],
    ['EDQUOT', 'STORAGE_FULL'],
    ['EACCES', 'STORAGE_DENIED'],
    ['EPERM', 'STORAGE_DENIED'],
    ['EROFS', 'STORAGE_DENIED'],
    ['EIO', 'STORAGE_FAILED'],
  ])('%s is %s', async (code, told) => {
    const cause = ofSystem(code);
    const expected = { code: told, message: `cannot write /a/b: ${code}: failed`, cause };
    expect(wrap(cause, '/a/b', 'write')).toMatchObject(expected);
    await expect(guard('/a/b', 'write', () => Promise.reject(cause))).rejects.toMatchObject(expected);
    expect(isMissing(cause)).toBe(told === 'OBJECT_NOT_FOUND');
    expect(isReadOnly(cause)).toBe(told === 'STORAGE_DENIED');
    expect(systemCode(cause)).toBe(code);
  });

  test.each([new Error('plain'), ofSystem(7), { code: 'ENOENT' }, 'ENOENT', undefined])(
    '%o is none of them',
    (error) => {
      expect(systemCode(error)).toBeUndefined();
      expect([isMissing(error), isReadOnly(error)]).toEqual([false, false]);
      expect(wrap(error, '/a', 'read').code).toBe('STORAGE_FAILED');
    },
  );
});

test('what went well is given back, and what is already explained stays as it is', async () => {
  expect(await guard('/a', 'read', async () => 7)).toBe(7);
  const known = new PixlakeError('STORAGE_FULL', 'known');
  expect(wrap(known, '/a', 'read')).toBe(known);
});
