import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { DuckDb } from '../../src/duckdb/open-duckdb.ts';
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
        expect(await readdir(scratchDir)).toContain('staging.duckdb');
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

test('a folder for writing is asked for as such, and whatever else is told goes to DuckDB', async () => {
  const asked: unknown[] = [];
  const makeScratchDir = async (options: unknown): Promise<string> => {
    asked.push(options);
    return makeTestFolder();
  };
  const threads = async (db: DuckDb): Promise<unknown> => db.rows("SELECT current_setting('threads') AS n");
  expect(await withDuckDb({ makeScratchDir }, threads, { isForWriting: true, threads: 3 })).toEqual([
    { n: 3n },
  ]);
  await withDuckDb({ makeScratchDir }, threads);
  expect(asked).toEqual([{ isForWriting: true }, { isForWriting: false }]);
});

test('DuckDB is closed after the work', async () => {
  let kept: DuckDb | undefined;
  await withDuckDb({ makeScratchDir: makeTestFolder }, async (db) => {
    kept = db;
  });
  await expect(kept?.run('SELECT 1')).rejects.toMatchObject({ code: 'SQL_FAILED' });
});
