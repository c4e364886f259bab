import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLakehouse, type RemoveModelReport, type RunReport } from '../../src/index.ts';
import { removeModel } from '../../src/maintenance/remove-model.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { writeModel } from '../model/toy-model.ts';
import { codeOf, filesIn, copyDailyRun } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';

test('models remove refuses while an unfinished run uses the model, and says what can no longer be retried', async () => {
  const { lake } = await copyDailyRun();
  const { onnxPath } = await writeModel(await makeTestFolder());
  await pixlakeJson(lake, 'models', 'add', onnxPath);
  const files = await filesIn(join(lake, 'models'));
  const labelled = ['run', '--name', 'labelled', '--sql', 'SELECT * FROM images', '--model', 'toy'];
  const { folder } = await pixlakeJson<RunReport>(lake, ...labelled);
  const success = join(lake, folder, '_SUCCESS');
  await rm(success);
  const { code, stderr } = await pixlake(lake, 'models', 'remove', 'toy');
  expect([code, stderr]).toEqual([4, expect.stringContaining('use model toy: labelled [MODEL_IN_USE]')]);
  expect(await filesIn(join(lake, 'models'))).toEqual(files);
  await pixlakeJson(lake, 'runs', 'resume', 'labelled');
  const dry = await pixlakeJson<RemoveModelReport>(lake, 'models', 'remove', 'toy', '--dry-run');
  expect(await filesIn(join(lake, 'models'))).toEqual(files);
  // Killed after the card is gone.
  const store = openFailingStore(lake, 1);
  expect(await codeOf(removeModel({ store, software: 'test' }, { name: 'toy' }))).toContain('killed');
  expect(await codeOf(openLakehouse({ lake }).models.show('toy'))).toBe('MODEL_NOT_FOUND');
  const report = await pixlakeJson<RemoveModelReport>(lake, 'models', 'remove', 'toy');
  expect(report.notRetriable).toEqual(['labelled']);
  expect(dry).toMatchObject({ isDryRun: true, removed: { fileCount: 2 }, notRetriable: ['labelled'] });
  expect(await filesIn(join(lake, 'models'))).toEqual([]);
  expect((await pixlake(lake, 'models', 'remove', 'toy')).code).toBe(3);
});

test('models remove refuses while an accepted run waits for the model', async () => {
  const { lake } = await copyDailyRun();
  const lakehouse = openLakehouse({ lake });
  const { onnxPath } = await writeModel(await makeTestFolder());
  await lakehouse.models.add(onnxPath);
  await new Submissions(openLocalStore(lake)).accept({
    name: 'waits',
    sql: 'SELECT * FROM images',
    model: 'toy',
  });
  expect(await codeOf(lakehouse.models.remove({ name: 'toy' }))).toBe('MODEL_IN_USE');
  await lakehouse.runs.delete({ name: 'waits', isForced: true });
  expect(await lakehouse.models.remove({ name: 'toy' })).toMatchObject({ notRetriable: [] });
  expect(await codeOf(lakehouse.models.remove({ name: 'fashion-tiny' }))).toBe('MODEL_NOT_FOUND');
  expect(await codeOf(lakehouse.models.remove({ name: '../tables' }))).toBe('MODEL_NOT_FOUND');
});
