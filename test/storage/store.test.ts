import { describe } from 'vitest';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { startFakeS3 } from '../support/fake-s3.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { testStoreContract } from './store-contract.ts';

describe.each<[string, () => Promise<ObjectStore>]>([
  ['a folder', async () => openLocalStore(await makeTestFolder())],
  ['a folder, at once', async () => openLocalStore(await makeTestFolder(), {}, true)],
  ['S3', async () => (await startFakeS3()).store],
])('a store on %s', (_name, openIt) => {
  testStoreContract(openIt);
});
