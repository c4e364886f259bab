import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openDuckDb, sqlError } from '../../src/duckdb/open-duckdb.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('what is interrupted is told from what fails', async () => {
  using db = await openDuckDb({ scratchDir: await makeTestFolder(), threads: 1 });
  const endless = db.run('SELECT count(*) FROM range(100000000000) a(x) WHERE x % 3 = 1');
  const ended = expect(endless).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await sleep(50);
  db.connection.interrupt();
  await ended;
  await expect(db.run('SELECT nope')).rejects.toMatchObject({ code: 'SQL_FAILED' });
});

test('a folder that is only for what does not fit into memory is made when something does not', async () => {
  const folder = await makeTestFolder();
  const scratchDir = join(folder, 'spill');
  const db = await openDuckDb({ scratchDir, threads: 1, memoryBytes: 60_000_000, isSpillOnly: true });
  expect(await db.rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(await readdir(folder)).toEqual([]);
  await db.run('CREATE TABLE much AS SELECT range AS id, md5(range::VARCHAR) AS text FROM range(2000000)');
  expect(await readdir(scratchDir)).not.toEqual([]);
  expect(await db.rows('SELECT count(DISTINCT id) AS count FROM much')).toEqual([{ count: 2_000_000n }]);
  db[Symbol.dispose]();
});

test.each([
  ['Out of Memory Error: could not allocate block', 'QUERY_OUT_OF_MEMORY'],
  ['IO Error: Could not write: No space left on device', 'STORAGE_FULL'],
  ['IO Error: Cannot open file "/x": No such file or directory', 'OBJECT_NOT_FOUND'],
  ['HTTP Error: Unable to connect (HTTP 403 Forbidden)', 'STORAGE_DENIED'],
  ['HTTP Error: Unable to connect (HTTP 500)', 'STORAGE_FAILED'],
  ['Conversion Error: Could not convert string', 'SQL_FAILED'],
])('%s is %s', (message, code) => {
  expect(sqlError(new Error(message))).toMatchObject({ code, message });
});
