import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startPixlake } from '../support/pixlake.ts';
import { makePlainLake } from './plain-lake.ts';

test('a reader that has seen enough ends the program, which is no error', async () => {
  const { lake } = await makePlainLake(1);
  const child = startPixlake(lake, 'query', 'FROM range(1000000)', '--format', 'csv');
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await ended).toEqual([0, null]);
});
