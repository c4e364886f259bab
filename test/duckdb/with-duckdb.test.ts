import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { withDuckDb } from '../../src/duckdb/with-duckdb.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('the temporary folder is there during the work, and gone when it ends or fails', async () => {
  const store = openLocalStore(await makeTestFolder());
  const seen: string[] = [];
  const work = async (fails: boolean): Promise<number> =>
    withDuckDb(
      store,
      async (db, scratchDir) => {
        seen.push(scratchDir);
        await db.run('CREATE TABLE numbers AS SELECT * FROM range(3)');
        expect(await readdir(scratchDir)).not.toEqual([]);
        if (fails) throw new Error('no');
        return (await db.rows('FROM numbers')).length;
      },
      { onDisk: true },
    );
  expect(await work(false)).toBe(3);
  await expect(work(true)).rejects.toThrow('no');
  expect(seen).toHaveLength(2);
  expect(seen.filter((folder) => existsSync(folder))).toEqual([]);
});
