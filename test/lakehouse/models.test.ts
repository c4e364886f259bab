import { expect, test } from 'vitest';
import { Models } from '../../src/lakehouse/models.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { writeModel } from '../model/toy-model.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('a model of a lake is removed, and of no other place', async () => {
  const store = openLocalStore(await makeTestFolder());
  const models = new Models(store);
  await expect(models.remove({ name: 'toy' })).rejects.toMatchObject({ code: 'LAKE_NOT_FOUND' });
  const { name } = await models.add((await writeModel(await makeTestFolder())).onnxPath);
  expect((await models.list()).map((model) => model.name)).toContain(name);
  expect(await models.remove({ name })).toMatchObject({ name, isDryRun: false });
  expect((await models.list()).map((model) => model.name)).not.toContain(name);
});
