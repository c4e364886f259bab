import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { findConflict } from '../../src/table/commit-conflict.ts';
import { fileIdOf, fileKeyOf, toDataFile } from '../../src/table/file-identity.ts';
import { addOf, changeOf, FOLDER } from './table-fixture.ts';

const deletionVector = { storageType: 'u', pathOrInlineDv: 'one', offset: 1 };

describe('two names of a file are those of the same one', () => {
  test.each([
    ['however the path is encoded', { path: 'a%20b' }, { path: 'a b' }, true],
    ['unless it has another vector', { path: 'a' }, { path: 'a', deletionVector }, false],
    [
      'unless the vector lies elsewhere',
      { path: 'a', deletionVector },
      { path: 'a', deletionVector: { ...deletionVector, offset: 2 } },
      false,
    ],
    ['with the same vector', { path: 'a', deletionVector }, { path: 'a', deletionVector }, true],
  ])('%s', (_, one, other, isSame) => {
    expect(fileIdOf(one) === fileIdOf(other)).toBe(isSame);
  });
});

test('files with different vectors share an object', () => {
  const store = openStore('/lake');
  expect(fileKeyOf(store, FOLDER, { path: 'a%20b', deletionVector })).toBe('tables/t/a b');
  const add = { ...addOf('a%20b'), deletionVector };
  expect(toDataFile(store, FOLDER, add)).toMatchObject({ key: 'tables/t/a b', sizeBytes: 10, add });
});

describe('a change that takes a file out', () => {
  const change = changeOf({ removed: [toDataFile(openStore('/lake'), FOLDER, addOf('a%20b'))] });
  const remove = { path: 'a b', dataChange: true };

  test('conflicts with a commit that takes it out under the other name', () => {
    expect(findConflict(change, [{ remove }])).toMatch('removed a file');
  });

  test('does not conflict with one that takes out a version of it with another vector', () => {
    expect(findConflict(change, [{ remove: { ...remove, deletionVector } }])).toBeUndefined();
  });

  test('conflicts with one that gives it a vector', () => {
    const vectored = { ...addOf('a%20b'), deletionVector };
    expect(findConflict(change, [{ add: vectored }, { remove }])).toMatch('removed a file');
  });
});
