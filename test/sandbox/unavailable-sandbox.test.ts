import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createApiKey } from '../../src/api/api-keys.ts';
import { makeTestFolder, pixlakeJson, pixlakeProcess } from '../support/pixlake.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function makeLake(folder: string): Promise<string> {
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'sample', join(folder, 'source'), '--rows', '3');
  await pixlakeJson(lake, 'ingest', join(folder, 'source'));
  return lake;
}

// The servers are processes of their own: what the system says of theirs that do not start is not printed among the tests.

test('a query process that does not start is a sandbox that is not available', async () => {
  const lake = await makeLake(await makeTestFolder());
  // No Node starts in so little memory.
  const { code, stderr } = await pixlakeProcess(lake, 'serve', '--port', '0', '--query-memory', '1MB');
  expect([code, stderr]).toEqual([
    70,
    expect.stringContaining('a query process did not start [SANDBOX_UNAVAILABLE]'),
  ]);
});

test('where the operating system cannot bound query processes, a server serves its own machine alone', async () => {
  const folder = await makeTestFolder();
  const keys = join(folder, 'keys.json');
  await createApiKey(keys, { name: 'a', scope: 'read' });
  const lake = await makeLake(folder);
  vi.stubEnv('PATH', '/nowhere');
  const serve = ['serve', '--host', '0.0.0.0', '--port', '0', '--api-keys', keys];
  const { code, stderr } = await pixlakeProcess(lake, ...serve);
  expect([code, stderr]).toEqual([70, expect.stringContaining('[SANDBOX_UNAVAILABLE]')]);
});
