import { describe, expect, test } from 'vitest';
import { openLakehouse, type RemoveModelReport } from '../../src/index.ts';
import { removeModel } from '../../src/maintenance/remove-model.ts';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { createLake } from '../../src/storage/lake-layout.ts';
import { writeExecution } from '../../src/run/read-executions.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { TOY_CARD } from '../model/toy-model.ts';
import { keysOf } from '../support/keys-of.ts';
import { beginFrozenRuns, type FrozenRuns } from './frozen-runs.ts';
import { codeOf } from '../support/daily-run.ts';
import { openFailingStore } from '../support/failing-store.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

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
  removeModel({ store, software: 'test' }, { name: 'toy', ...(isDryRun === undefined ? {} : { isDryRun }) });

test('models remove says what it did, or why not, and finishes what was interrupted', async () => {
  const runs = await begin(model.sha256);
  await createLake(runs.store);
  const { uri: lake } = runs.store;
  const folder = folderOf(await runs.freeze('labelled', { model }, '_SUCCESS'));
  const success = await runs.store.read(executionKeys.success(folder));
  await runs.store.delete(executionKeys.success(folder));
  const { code, stderr } = await pixlake(lake, 'models', 'remove', 'toy');
  expect([code, stderr]).toEqual([4, expect.stringContaining('use model toy: labelled [MODEL_IN_USE]')]);
  await runs.store.write(executionKeys.success(folder), success);
  const dry = await pixlakeJson<RemoveModelReport>(lake, 'models', 'remove', 'toy', '--dry-run');
  expect(dry).toMatchObject({ isDryRun: true, removed: { fileCount: 2 }, notRetriable: ['labelled'] });
  expect(await keysOf(runs.store, 'models')).toHaveLength(2);
  // Killed after the card is gone.
  const store = openFailingStore(lake, 1);
  expect(await codeOf(removeModel({ store, software: 'test' }, { name: 'toy' }))).toContain('killed');
  expect(await codeOf(openLakehouse({ lake }).models.show('toy'))).toBe('MODEL_NOT_FOUND');
  const report = await pixlakeJson<RemoveModelReport>(lake, 'models', 'remove', 'toy');
  expect(report).toMatchObject({ removed: { fileCount: 1 }, notRetriable: ['labelled'] });
  expect(await keysOf(runs.store, 'models')).toEqual([]);
  expect((await pixlake(lake, 'models', 'remove', 'toy')).code).toBe(3);
  for (const name of ['fashion-tiny', '../tables'])
    expect(await codeOf(openLakehouse({ lake }).models.remove({ name }))).toBe('MODEL_NOT_FOUND');
});

describe('a model', () => {
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
