import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { executionKeys, folderOf } from '../../src/run/execution.ts';
import { openPlanner } from '../../src/run/plan-run.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeLake, makeRandom, runWith } from '../support/run-in-process.ts';
import { freezePlan } from '../../src/run/freeze-plan.ts';

test('a flipped bit anywhere in a plan part ends the run, which makes no image of it', async () => {
  const lake = await makeLake(50);
  const spec = { name: 'flipped', sql: 'SELECT id, year, productDisplayName FROM images', shardSize: 5 };
  const context = { source: lake.store, store: lake.store, model: undefined, software: 'pixlake/test' };
  await using planner = await openPlanner(context, parseRunSpec(spec, 'test'));
  const execution = await freezePlan(lake.store, await planner.plan());
  const folder = folderOf(execution);
  const path = lake.store.locate(executionKeys.planPart(folder, execution.plan, 0));
  const whole = await readFile(path);
  const random = makeRandom(14);
  // Random places, and the ends of the file, where its magic numbers and the length of its footer are.
  const places = Array.from({ length: 14 }, () => Math.floor(random() * whole.length));
  for (const place of [...places, 0, whole.length - 8, whole.length - 1]) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 8)), place);
    await writeFile(path, bytes);
    await expect(runWith(lake.store, spec), `byte ${place}`).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('part-00000.parquet'),
    });
    expect(await keysOf(lake.store, `${folder}/images`)).toEqual([]);
  }
  await writeFile(path, whole.subarray(0, -1));
  await expect(runWith(lake.store, spec)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
  await writeFile(path, whole);
  expect(await runWith(lake.store, spec)).toMatchObject({ outcome: 'finished', imageCount: 50 });
});
