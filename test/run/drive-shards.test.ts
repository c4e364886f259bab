import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/index.ts';
import { makeDamagedLake } from '../support/damaged-lake.ts';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';

const RUN = ['run', '--name', 'r', '--sql', 'SELECT * FROM images'];

test('a run whose shards fail time and again ends with the shard and the cause, and is done once that is mended', async () => {
  const lake = await makeDamagedLake([]);
  const first = await pixlakeJson<RunReport>(lake, ...RUN);
  const folder = join(lake, first.folder);
  await rm(folder, { recursive: true });
  // A file in the place of the folder of parts: no part can be written.
  await mkdir(folder);
  await writeFile(join(folder, 'parts'), '');
  const { code, stderr } = await pixlake(lake, ...RUN);
  expect([code, stderr]).toEqual([70, expect.stringContaining('[SHARD_FAILED]')]);
  expect(stderr).toContain('shard 0 failed 3 times: cannot write');
  await rm(join(folder, 'parts'));
  expect(await pixlakeJson(lake, ...RUN)).toMatchObject({ outcome: 'finished', imageCount: 10 });
});
