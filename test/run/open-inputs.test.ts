import { expect, test } from 'vitest';
import { PIXELS_VERSION } from '../../src/image/render-image.ts';
import type { ModelFiles } from '../../src/model/model-files.ts';
import { MANIFEST_VERSION } from '../../src/run/execution.ts';
import { openInputs } from '../../src/run/open-inputs.ts';
import { toyCard } from '../model/toy-model.ts';
import { makeExecution } from '../support/execution.ts';

const PRESENT = { pixelsVersion: PIXELS_VERSION, manifestVersion: MANIFEST_VERSION };
const FILES: ModelFiles = { card: toyCard(), onnxPath: '/toy.onnx', sha256: 'a'.repeat(64) };
const MODEL = { name: 'toy', sha256: 'a'.repeat(64), isTrained: false, embeddings: [] };

function executionWith(fields: Parameters<typeof makeExecution>[1]): ReturnType<typeof makeExecution> {
  const execution = makeExecution('r', { ...PRESENT, ...fields });
  return fields?.model === undefined ? execution : { ...execution, run: { ...execution.run, model: 'toy' } };
}

test('an execution without a model needs none', async () => {
  const resolve = async (): Promise<never> => expect.fail('no model was asked for');
  expect(await openInputs(executionWith({}), resolve)).toBeUndefined();
});

test('the model of an execution is the one that it was planned with', async () => {
  expect(await openInputs(executionWith({ model: MODEL }), async () => FILES)).toBe(FILES);
  const changed = async (): Promise<ModelFiles> => ({ ...FILES, sha256: 'b'.repeat(64) });
  await expect(openInputs(executionWith({ model: MODEL }), changed)).rejects.toMatchObject({
    code: 'MODEL_MISMATCH',
    message: expect.stringContaining('toy has changed since'),
  });
});

test.each([
  ['older pixels', { pixelsVersion: PIXELS_VERSION - 1 }],
  ['newer pixels', { pixelsVersion: PIXELS_VERSION + 1 }],
  ['other manifests', { manifestVersion: MANIFEST_VERSION - 1 }],
])('an execution that was begun with %s is not continued', async (_, fields) => {
  await expect(openInputs(executionWith(fields), async () => FILES)).rejects.toMatchObject({
    code: 'RUN_TOO_OLD',
  });
});
