import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';

test('the threads of a run leave nothing in the temporary folder', async () => {
  const folder = await makeTestFolder();
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'ingest', await writePlainCatalogue(join(folder, 'source'), 30));
  const run = ['run', '--sql', 'SELECT id FROM images', '--shard-size', '5', '--workers', '3'];
  for (const name of ['a', 'b', 'c']) {
    const report = await pixlakeJson<RunReport>(lake, ...run, '--name', name);
    expect(report).toMatchObject({ shardCount: 6, imageCount: 30 });
    expect(await readdir(join(lake, '.tmp')), name).toEqual([]);
  }
});
