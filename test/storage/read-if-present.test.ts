import { expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { readIfPresent } from '../../src/storage/read-if-present.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('only an object that does not exist is absent', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.write('a', Buffer.from('x'));
  expect((await readIfPresent(store, 'a'))?.toString()).toBe('x');
  expect(await readIfPresent(store, 'b')).toBeUndefined();
  const failures = [
    new PixlakeError('STORAGE_DENIED', 'denied'),
    Object.assign(new Error('other'), { code: 'OBJECT_NOT_FOUND' }),
  ];
  for (const failure of failures) {
    const failing = withFaults(store, { read: () => Promise.reject(failure) });
    await expect(readIfPresent(failing, 'a')).rejects.toBe(failure);
  }
  expect.assertions(4);
});
