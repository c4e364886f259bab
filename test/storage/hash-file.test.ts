import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashFile, sha256Of } from '../../src/storage/hash-file.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('bytes have the SHA-256 of FIPS 180-4', () => {
  expect(sha256Of(Buffer.from('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test('a file has the hash of its bytes, however many pieces it is read in', async () => {
  const path = join(await makeTestFolder(), 'file');
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(2 * 1024 ** 2 + 1, 'ab')]) {
    await writeFile(path, bytes);
    expect(await hashFile(path)).toBe(sha256Of(bytes));
  }
  expect.assertions(2);
});
