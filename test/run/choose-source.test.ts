import { expect, test } from 'vitest';
import type { QueriedTable } from '../../src/catalog/found-table.ts';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { checkCropNames, checkIdColumn, chooseSource } from '../../src/run/choose-source.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { useLake } from '../support/run-in-process.ts';

const lake = useLake(1);
const runOf = (spec: Partial<RunSpec> = {}): ReturnType<typeof parseRunSpec> =>
  parseRunSpec({ name: 'r', sql: 'SELECT 1', ...spec }, 'test');
const imagesTable = async (): Promise<QueriedTable> =>
  findQueriedTable(lake.current.store, parseTableName('images'));

test('the table of the originals is the only one of the SQL', async () => {
  const images = await imagesTable();
  expect(await chooseSource(lake.current.store, runOf(), [images])).toBe(images);
});

test.each([0, 2])('where the SQL reads %i tables, it has to be named', async (count) => {
  const tables = Array<QueriedTable>(count).fill(await imagesTable());
  await expect(chooseSource(lake.current.store, runOf(), tables)).rejects.toMatchObject({
    code: 'PLAN_SOURCE_MISSING',
    message: expect.stringContaining(`reads ${count} tables`),
    remedy: 'set the table with --table',
  });
  const ways = { table: 'the field table', idColumn: 'i', cropColumns: 'c' };
  await expect(chooseSource(lake.current.store, runOf(), tables, ways)).rejects.toMatchObject({
    remedy: 'set the table with the field table',
  });
});

test('a table that is named is taken, also if the SQL does not read it', async () => {
  const { store } = lake.current;
  expect(await chooseSource(store, runOf({ table: 'images' }), [])).toMatchObject({
    reference: { name: 'images' },
    snapshot: { version: 0 },
  });
  await expect(chooseSource(store, runOf({ table: 'none' }), [await imagesTable()])).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
  });
});

test('the SQL has to return the id column, in its very spelling', () => {
  expect(() => checkIdColumn(runOf(), ['name', 'id'])).not.toThrow();
  expect(() => checkIdColumn(runOf({ idColumn: 'key' }), ['id', 'Key'])).toThrow(
    expect.objectContaining({
      code: 'PLAN_ID_MISSING',
      message: 'the SQL returns no column key, only: id, Key',
      remedy: expect.stringContaining('--id-column'),
    }),
  );
});

test('the SQL has to return all crop columns', () => {
  const run = runOf({ cropColumns: ['l', 't', 'w', 'h'] });
  expect(() => checkCropNames(runOf(), [])).not.toThrow();
  expect(() => checkCropNames(run, ['h', 'w', 't', 'l'])).not.toThrow();
  expect(() => checkCropNames(run, ['id', 'l', 'w'])).toThrow(
    expect.objectContaining({
      code: 'PLAN_CROP_INVALID',
      message: 'the SQL returns no column t, h, only: id, l, w',
      remedy: expect.stringContaining('--crop-columns'),
    }),
  );
});
