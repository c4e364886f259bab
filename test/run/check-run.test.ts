import { expect, test } from 'vitest';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { checkRun } from '../../src/run/check-run.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { useLake, writeParquet } from '../support/run-in-process.ts';

const lake = useLake(1);

async function check(spec: Partial<RunSpec>, columns: readonly string[], table = 'images'): Promise<void> {
  const { store } = lake.current;
  const tables = [await findQueriedTable(store, parseTableName(table))];
  await checkRun(store, parseRunSpec({ name: 'r', sql: 'SELECT 1', ...spec }, 'test'), { columns, tables });
}

test('a run is accepted whose columns, table and model exist', async () => {
  await expect(check({}, ['id'])).resolves.toBeUndefined();
  await expect(check({ model: 'fashion-tiny' }, ['id'])).resolves.toBeUndefined();
  // SQL ignores the case of names of columns.
  await expect(check({ idColumn: 'ID' }, ['ID'])).resolves.toBeUndefined();
});

test.each<[string, Partial<RunSpec>, readonly string[], string]>([
  ['PLAN_ID_MISSING', {}, ['year'], 'the field idColumn'],
  ['PLAN_CROP_INVALID', { cropColumns: ['l', 't', 'w', 'h'] }, ['id', 'l'], 'the field cropColumns'],
  ['PLAN_SOURCE_MISSING', { idColumn: 'number' }, ['number'], 'the field table'],
  ['TABLE_NOT_FOUND', { table: 'none' }, ['id'], 'images'],
  ['MODEL_NOT_FOUND', { model: 'no-such-model' }, ['id'], 'use one of these names'],
])('a run is refused with %s before its SQL runs', async (code, spec, columns, remedy) => {
  await expect(check(spec, columns)).rejects.toMatchObject({
    code,
    remedy: expect.stringContaining(remedy),
  });
});

test('a table without originals is one only if the SQL says where they lie', async () => {
  const rows = "SELECT 1 AS id, 'a.jpg' AS image_key";
  await lake.current.lakehouse.tables.attach('plain', await writeParquet(await makeTestFolder(), rows));
  await expect(check({}, ['id', 'image_key'], 'plain')).rejects.toMatchObject({
    code: 'PLAN_SOURCE_MISSING',
    message: expect.stringMatching(/the table plain cannot .* no column image_sha256$/u),
  });
  await expect(check({}, ['id', 'image_key', 'image_sha256'], 'plain')).resolves.toBeUndefined();
});
