import { expect, test } from 'vitest';
import { Images } from '../../src/lakehouse/images.ts';
import { createLake } from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('similar images are looked for in a lake, among those with embeddings', async () => {
  const store = openLocalStore(await makeTestFolder());
  const images = new Images(store);
  await expect(images.similar({ name: 'images', id: '1' })).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  await createLake(store);
  await expect(images.similar({ name: 'images', id: '1' })).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
  });
});

test('images are read by the keys that rows name', async () => {
  const store = openLocalStore(await makeTestFolder());
  await store.write('originals/t/a.jpg', Buffer.from('bytes'));
  const images = new Images(store);
  expect((await images.read('originals/t/a.jpg')).toString()).toBe('bytes');
});
