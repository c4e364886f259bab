import { describe, expect, test } from 'vitest';
import { executionKeys } from '../../src/run/execution.ts';
import { findRun } from '../../src/run/inspect-runs.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { keysOf } from '../support/keys-of.ts';
import { createNoOpExecutor } from '../support/no-op-executor.ts';
import { makeLake, runWith, wrapAttempts } from '../support/run-in-process.ts';

describe('a commit', () => {
  test.each<[string, string, number?]>([
    ['lost', 'FROM planned LIMIT 9'],
    ['doubled', 'FROM planned UNION ALL FROM planned LIMIT 11'],
    [
      'replaced by that of its neighbour',
      'SELECT * REPLACE (__ordinal - __ordinal % 2 AS __ordinal) FROM planned',
    ],
    ['taken from another shard', 'SELECT * REPLACE (__ordinal - 1 AS __ordinal) FROM planned'],
    ['out of range', 'SELECT * REPLACE (__ordinal + 1000 AS __ordinal) FROM planned'],
    ['without a number', 'SELECT * REPLACE (NULL::BIGINT AS __ordinal) FROM planned'],
    ['lost at the very end', 'FROM planned LIMIT 9', 3],
    ['lost at the very beginning', 'FROM planned OFFSET 1', 0],
  ])('refuses a block in which an image was %s', async (_, reading, damaged = 2) => {
    const lake = await makeLake(40);
    const spec = { name: 'counted', sql: 'SELECT * FROM images', shardSize: 10 };
    const executor = createNoOpExecutor(lake.store, (shard) =>
      shard === damaged ? reading : 'FROM planned',
    );
    await expect(runWith(lake.store, spec, executor)).rejects.toMatchObject({
      code: 'RUN_CORRUPT',
      message: expect.stringContaining('block 0'),
    });
    const { folder, state } = await findRun(lake.store, 'counted');
    expect(state).toBe('unfinished');
    expect(await keysOf(lake.store, `${folder}/manifest`)).toEqual([]);
  });

  test('refuses markers that count images and name no file that holds them', async () => {
    const lake = await makeLake(4);
    const spec = { name: 'counted', sql: 'SELECT * FROM images', shardSize: 2 };
    const executor = createNoOpExecutor(lake.store);
    const lying = wrapAttempts(executor, async ({ folder, shard }, attempt) => {
      const outcome = await attempt();
      const key = executionKeys.shard(folder, shard);
      const { sha256: _, ...marker } = JSON.parse((await lake.store.read(key)).toString()) as Record<
        string,
        unknown
      >;
      await lake.store.write(key, encodeStored({ ...marker, errors: null }));
      return outcome;
    });
    await expect(runWith(lake.store, spec, lying)).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
  });
});
