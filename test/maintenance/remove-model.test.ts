import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLakehouse, type RemoveModelReport, type RunReport } from '../../src/index.ts';
import { removeModel } from '../../src/maintenance/remove-model.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { Submissions } from '../../src/run/submissions.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { TOY_CARD, writeModel } from '../model/toy-model.ts';
import { keysOf } from '../support/keys-of.ts';
import { beginFrozenRuns, type FrozenRuns } from './frozen-runs.ts';
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

describe('a model', () => {
  const model = { name: 'toy', sha256: 'a'.repeat(64), isTrained: true, embeddings: [] };

  /** A lake with a model whose card has this sha256, or none that can be read. */
  async function begin(sha256?: string): Promise<FrozenRuns> {
    const runs = await beginFrozenRuns();
    const card = sha256 === undefined ? '{' : JSON.stringify({ ...TOY_CARD, sha256 });
    await runs.store.write('models/toy/toy.json', Buffer.from(card));
    await runs.store.write('models/toy/toy.onnx', Buffer.from('12345'));
    return runs;
  }
  const remove = ({ store }: FrozenRuns, isDryRun?: boolean): Promise<RemoveModelReport> =>
    removeModel(
      { store, software: 'test' },
      { name: 'toy', ...(isDryRun === undefined ? {} : { isDryRun }) },
    );

  test('that nobody uses is removed with all of its files', async () => {
    const runs = await begin(model.sha256);
    const sizeBytes = 5 + ((await runs.store.stat('models/toy/toy.json'))?.sizeBytes ?? 0);
    const removed = { folder: 'models/toy', fileCount: 2, sizeBytes };
    const report = { name: 'toy', isDryRun: false, removed, notRetriable: [] };
    expect(await remove(runs, true)).toEqual({ ...report, isDryRun: true });
    expect(await keysOf(runs.store, 'models')).toHaveLength(2);
    expect(await remove(runs)).toEqual(report);
    expect(await keysOf(runs.store, 'models')).toEqual([]);
  });

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>, string[]]>([
    ['unfinished', (runs) => runs.freeze('r', { model }), ['r']],
    ['cancelled', (runs) => runs.freeze('r', { model }, '_CANCELLED'), ['r']],
    [
      'in retry, and others, which are all named',
      async (runs) => {
        const execution = await runs.freeze('z', { model }, '_SUCCESS');
        await writeExecution(runs.store, { ...execution, retry: { number: 1 } });
        await runs.freeze('b', { model, sourceLake: runs.store.uri });
        await runs.submit('w', {
          run: { ...parseRunSpec({ name: 'w', sql: 'SELECT 1', model: 'toy' }, 'x') },
        });
      },
      ['b', 'z', 'w'],
    ],
  ])('that a run uses which is %s stays', async (_, make, names) => {
    const runs = await begin(model.sha256);
    await make(runs);
    await expect(remove(runs)).rejects.toMatchObject({
      code: 'MODEL_IN_USE',
      message: `unfinished runs use model toy: ${names.join(', ')}`,
      remedy: `finish them, or delete them: pixlake runs delete ${names[0]}`,
    });
    expect(await keysOf(runs.store, 'models')).toHaveLength(2);
  });

  test.each<[string, (runs: FrozenRuns) => Promise<unknown>, string[]]>([
    ['runs that have finished', (runs) => runs.freeze('r', { model }, '_SUCCESS'), ['r']],
    ['runs of another model', (runs) => runs.freeze('r', { model: { ...model, name: 'other' } }), []],
    [
      'runs of another of its name',
      (runs) => runs.freeze('r', { model: { ...model, sha256: 'b'.repeat(64) } }),
      [],
    ],
    ['runs of no model', (runs) => runs.freeze('r'), []],
    ['runs of the model of another lake', (runs) => runs.freeze('r', { model, sourceLake: 's3://b/l' }), []],
    [
      'accepted runs that were planned meanwhile, finished, or use another one',
      async (runs) => {
        const run = (name: string, of: string): object => ({
          run: parseRunSpec({ name, sql: 'SELECT 1', model: of }, 'x'),
        });
        await runs.freeze('planned', {});
        await runs.submit('planned', run('planned', 'toy'));
        await runs.submit('done', { ...run('done', 'toy'), state: 'finished' });
        await runs.submit('other', run('other', 'else'));
      },
      [],
    ],
  ])('is removed although there are %s', async (_, make, notRetriable) => {
    const runs = await begin(model.sha256);
    await make(runs);
    expect(await remove(runs)).toMatchObject({ notRetriable });
  });

  test('whose card cannot be read is taken for the one of all runs that name it', async () => {
    const runs = await begin();
    await runs.freeze('r', { model: { ...model, sha256: 'b'.repeat(64) } });
    await expect(remove(runs)).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
  });
});
