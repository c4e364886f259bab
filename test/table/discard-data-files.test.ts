import { expect, test } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { discardDataFiles } from '../../src/table/discard-data-files.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function openStore(): Promise<ObjectStore> {
  const store = openLocalStore(await makeTestFolder());
  for (const key of ['t/a b.parquet', 't/k=1/c.parquet', 't/d.parquet'])
    await store.write(key, Buffer.from('x'));
  return store;
}

test('files are removed by their paths in the log, and no others', async () => {
  const store = await openStore();
  await discardDataFiles(store, 't', [
    { path: 'a%20b.parquet' },
    { path: 'k=1/c.parquet' },
    { path: 'gone' },
  ]);
  expect(await keysOf(store)).toEqual(['t/d.parquet']);
});

test('they are removed although the work was stopped', async () => {
  const store = await openStore();
  await discardDataFiles(store.withSignal(AbortSignal.abort()), 't', [{ path: 'd.parquet' }]);
  expect(await keysOf(store)).toEqual(['t/a b.parquet', 't/k=1/c.parquet']);
});

test('nothing to discard asks for nothing, and what fails is not an error', async () => {
  const store = await openStore();
  let asked = 0;
  const failing = withFaults(store, {
    async deleteMany() {
      asked += 1;
      throw new Error('no');
    },
  });
  await discardDataFiles(failing, 't', []);
  expect(asked).toBe(0);
  await expect(discardDataFiles(failing, 't', [{ path: 'd.parquet' }])).resolves.toBeUndefined();
  expect(asked).toBe(1);
  await expect(discardDataFiles(failing, 't', [{ path: '/elsewhere' }])).resolves.toBeUndefined();
  expect(asked).toBe(1);
});
