import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { hasRuntime, INSTALL_RUNTIME, loadRuntime } from '../../src/model/runtime.ts';
import { makePlainLake } from '../cli/plain-lake.ts';
import { makeTestFolder, pixlakeProcess } from '../support/pixlake.ts';

const missing = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from a.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });

test('where ONNX Runtime is not installed, the error has the command that adds the tested version', async () => {
  await expect(loadRuntime(async () => Promise.reject(missing('onnxruntime-node')))).rejects.toMatchObject({
    code: 'MODEL_RUNTIME_MISSING',
    remedy: 'npm install onnxruntime-node@1.30.0 --ignore-scripts',
  });
  const json = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  const { devDependencies } = JSON.parse(json) as { devDependencies: Record<string, string> };
  expect(INSTALL_RUNTIME).toContain(`onnxruntime-node@${devDependencies['onnxruntime-node']} `);
});

test('a runtime that is there but cannot be loaded is another error', async () => {
  const failed = missing('onnxruntime-common');
  await expect(loadRuntime(async () => Promise.reject(failed))).rejects.toBe(failed);
  expect(hasRuntime()).toBe(true);
  expect(Object.keys(await loadRuntime())).toContain('InferenceSession');
});

test.each([
  ['run', 'run', '--name', 'r', '--sql', 'SELECT id FROM images', '--model', 'fashion-tiny'],
  ['single images', 'models', 'run', 'IMAGE'],
])('ONNX Runtime tells its maker nothing, in %s', async (_, ...args) => {
  const { lake, folder } = await makePlainLake(1);
  const temporary = await makeTestFolder();
  const image = join(folder, 'source/images/1.jpg');
  vi.stubEnv('TMPDIR', temporary);
  vi.stubEnv('CI', undefined);
  const { code } = await pixlakeProcess(lake, ...args.map((arg) => (arg === 'IMAGE' ? image : arg)));
  vi.unstubAllEnvs();
  expect(code).toBe(0);
  // It would write its log of events there.
  expect((await readdir(temporary)).filter((name) => name.startsWith('mat-debug'))).toEqual([]);
});
