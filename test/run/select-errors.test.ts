import { expect, test } from 'vitest';
import { selectErrors } from '../../src/run/select-errors.ts';
import { makeLake, openTestDb, runWith } from '../support/run-in-process.ts';

test('the errors of a run are those of its images; a run that has none, and one that is not there, has no rows', async () => {
  const { store } = await makeLake(3);
  await store.delete('originals/images/2.jpg');
  await runWith(store, { name: 'broken', sql: 'SELECT id FROM images', copies: 2 });
  await runWith(store, { name: 'whole', sql: 'SELECT id FROM images WHERE id = 1' });
  using db = await openTestDb();
  const rowsOf = async (name: string): Promise<unknown[] | undefined> => {
    const sql = await selectErrors(db, store, name);
    return sql === undefined ? undefined : db.rows(`SELECT id, "copy", code FROM (${sql}) ORDER BY ALL`);
  };
  expect(await rowsOf('broken')).toEqual([
    { id: '2', copy: 0, code: 'OBJECT_NOT_FOUND' },
    { id: '2', copy: 1, code: 'OBJECT_NOT_FOUND' },
  ]);
  expect((await rowsOf('whole')) ?? []).toEqual([]);
  expect(await rowsOf('none')).toBeUndefined();
});
