import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { makeTestFolder, pixlakeProcess, startPixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('a reader that has seen enough ends the program, which is no error', async () => {
  const { lake } = await makePlainLake(1);
  const child = startPixlake(lake, 'query', 'FROM range(1000000)', '--format', 'csv');
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await ended).toEqual([0, null]);
});

/** How many files with code a command loads. */
async function countModules(lake: string, ...args: readonly string[]): Promise<number> {
  const folder = await makeTestFolder();
  // V8 tells of each script that ran.
  vi.stubEnv('NODE_V8_COVERAGE', folder);
  const { code } = await pixlakeProcess(lake, ...args);
  vi.unstubAllEnvs();
  expect(code).toBe(0);
  const scripts = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result;
  });
  return scripts.filter(({ url }) => url.startsWith('file:')).length;
}

test('commands load what they need, since each file delays them', async () => {
  const { lake } = await makePlainLake(1);
  expect(await countModules(lake, '--version')).toBe(2);
  const count = await countModules(lake, 'query', 'SELECT count(*) FROM images');
  expect(count).toBeGreaterThan(20);
  expect(count).toBeLessThanOrEqual(65);
});
