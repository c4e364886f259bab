import { expect, test } from 'vitest';
import { selectTaken } from '../../src/run/select-taken.ts';
import { openTestDb } from '../support/run-in-process.ts';

test('images that are taken over have what was computed then, and the columns and place of today', async () => {
  using db = await openTestDb();
  await db.run(`
    CREATE TABLE planned AS SELECT 7 AS __ordinal, 'now' AS title, 'here' AS __image_key,
      [{'image_id': 'a-0', 'source_key': 'there', 'copy': 0}, {'image_id': 'a-1', 'source_key': 'there', 'copy': 1}] AS __taken`);
  expect(await db.rows(selectTaken(['title'], ['image_id', 'source_key', 'copy']))).toEqual([
    { __ordinal: 7, title: 'now', image_id: 'a-0', source_key: 'here', copy: 0 },
    { __ordinal: 7, title: 'now', image_id: 'a-1', source_key: 'here', copy: 1 },
  ]);
});

test('a column of the SQL may have any name', async () => {
  using db = await openTestDb();
  await db.run(`
    CREATE TABLE planned AS SELECT 7 AS __ordinal, 2020 AS taken, 'x' AS unnested, 'here' AS __image_key,
      [{'image_id': 'a', 'copy': 0}] AS __taken`);
  const passed = ['planned.taken', 'planned.unnested'];
  expect(await db.rows(selectTaken(passed, ['image_id', 'copy']))).toEqual([
    { __ordinal: 7, taken: 2020, unnested: 'x', image_id: 'a', copy: 0 },
  ]);
});
