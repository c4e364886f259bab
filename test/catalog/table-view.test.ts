import { expect, test } from 'vitest';
import { FILE_COLUMN, selectSnapshot } from '../../src/catalog/table-view.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';
import { type DeltaField, deltaArray, deltaField } from '../../src/table/delta-schema.ts';
import type { DataFile } from '../../src/table/snapshot.ts';

const store = openLocalStore('/lake');

const asked: unknown[] = [];
const db = {
  async locate(_store: unknown, objects: readonly { key: string }[]): Promise<string[]> {
    asked.push(...objects);
    return objects.map(({ key }) => `/lake/${key}`);
  },
};

const fileOf = (
  key: string,
  partitionValues: Record<string, string | null> = {},
  isOwn = true,
): DataFile => ({
  key,
  sizeBytes: 5,
  partitionValues,
  add: {
    path: key,
    partitionValues,
    size: 5,
    modificationTime: 9,
    dataChange: true,
    ...(isOwn ? { tags: { 'pixlake.columns': 'x' } } : {}),
  },
});

const sqlOf = async (
  columns: Readonly<Record<string, DeltaType>>,
  files: readonly DataFile[],
  partitionColumns: readonly string[] = [],
  withFile = false,
): Promise<string> => {
  const fields: DeltaField[] = Object.entries(columns).map(([name, type]) => deltaField(name, type));
  const snapshot = { folder: 't', files, partitionColumns, schema: { type: 'struct', fields } } as const;
  return selectSnapshot(db, store, snapshot, withFile ? { withFile } : {});
};

const json = (...texts: (string | null)[]): string => `from_json('${JSON.stringify(texts)}', '["VARCHAR"]')`;
const ID = `schema = MAP {'id': {name: 'id', type: 'BIGINT', default_value: NULL}}`;

test('a table without files is a SELECT of no rows', async () => {
  expect(await sqlOf({ id: 'long', p: 'string' }, [], ['p'])).toBe(
    'SELECT NULL::BIGINT AS "id", NULL::VARCHAR AS "p" WHERE false',
  );
  expect(await sqlOf({ id: 'long' }, [], [], true)).toBe(
    `SELECT NULL::BIGINT AS "id", NULL::VARCHAR AS ${FILE_COLUMN} WHERE false`,
  );
  expect(await sqlOf({}, [])).toBe('SELECT NULL AS __nothing WHERE false');
  expect(asked).toEqual([]);
});

test('a table reads exactly its files, with its own columns', async () => {
  expect(await sqlOf({ id: 'long' }, [fileOf('t/a'), fileOf("t/it's")])).toBe(
    `SELECT __rows."id" FROM read_parquet(${json('/lake/t/a', "/lake/t/it''s")}, hive_partitioning = false, ${ID}) AS __rows`,
  );
  expect(asked).toEqual([
    { key: 't/a', sizeBytes: 5, modifiedMs: 9 },
    { key: "t/it's", sizeBytes: 5, modifiedMs: 9 },
  ]);
  expect(await sqlOf({ id: 'long', v: 'void' }, [fileOf('t/a')], [], true)).toBe(
    `SELECT __rows."id", NULL AS "v", __rows.${FILE_COLUMN} FROM read_parquet(${json('/lake/t/a')}, hive_partitioning = false, filename = '${FILE_COLUMN}', ${ID}) AS __rows`,
  );
  expect(await sqlOf({}, [fileOf('t/a')])).toBe(
    `SELECT NULL AS __nothing FROM read_parquet(${json('/lake/t/a')}, hive_partitioning = false) AS __rows`,
  );
});

test.each<[string, string | null | undefined, string]>([
  ['a text', "it's", `'it''s'::VARCHAR`],
  ['null', null, 'NULL::VARCHAR'],
  ['an empty text, which is null', '', 'NULL::VARCHAR'],
  ['no value', undefined, 'NULL::VARCHAR'],
])('a partition value that all files share is a constant: %s', async (_what, value, literal) => {
  const values: Record<string, string | null> = value === undefined ? {} : { p: value };
  expect(
    await sqlOf({ p: 'string', id: 'long' }, [fileOf('t/a', values), fileOf('t/b', values)], ['p']),
  ).toBe(
    `SELECT ${literal} AS "p", __rows."id" FROM read_parquet(${json('/lake/t/a', '/lake/t/b')}, hive_partitioning = false, ${ID}) AS __rows`,
  );
});

test('other partition values are joined by the position of the file', async () => {
  const files = [fileOf('t/a', { p: '1', q: 'x' }), fileOf('t/b', { p: '', q: 'x' })];
  expect(await sqlOf({ id: 'long', p: 'integer', q: 'string' }, files, ['p', 'q'])).toBe(
    `SELECT __rows."id", __partitions."p", __partitions."q" FROM read_parquet(${json('/lake/t/a', '/lake/t/b')}, hive_partitioning = false, ${ID}) AS __rows` +
      ` JOIN (SELECT unnest(${json('1', null)}::INTEGER[]) AS "p", unnest(${json('x', 'x')}::VARCHAR[]) AS "q", unnest(range(2))::UBIGINT AS file_index) AS __partitions ON __rows.file_index = __partitions.file_index`,
  );
});

test.each<[string, Readonly<Record<string, DeltaType>>]>([
  ['has a column of that name', { FILE_INDEX: 'long', p: 'string' }],
  ['has no columns of its own', { p: 'string' }],
])('or by its name, if the table %s', async (_what, columns) => {
  const files = [fileOf('t/a', { p: '1' }), fileOf('t/b', { p: '2' })];
  const sql = await sqlOf(columns, files, ['p']);
  expect(sql).toContain(`filename = '${FILE_COLUMN}'`);
  expect(sql).toMatch(
    new RegExp(
      `unnest\\(from_json\\('\\["/lake/t/a","/lake/t/b"\\]', '\\["VARCHAR"\\]'\\)\\) AS ${FILE_COLUMN}\\) AS __partitions ON __rows.${FILE_COLUMN} = __partitions.${FILE_COLUMN}$`,
      'u',
    ),
  );
});

const field = (type: DeltaType): DeltaType => ({
  type: 'struct',
  fields: [deltaField('a', 'long'), deltaField('b', type)],
});
const map = (keyType: DeltaType, valueType: DeltaType): DeltaType => ({
  type: 'map',
  keyType,
  valueType,
  valueContainsNull: true,
});

test.each<[DeltaType, boolean]>([
  ['float', true],
  ['double', true],
  ['long', false],
  [deltaArray('float'), true],
  [deltaArray('string'), false],
  [field('double'), true],
  [field('string'), false],
  [map('string', 'float'), true],
  [map('float', 'string'), true],
  [map('string', 'long'), false],
])('files of others may have NaN beyond their bounds in %j: %s', async (type, canHaveNan) => {
  const own = fileOf('t/a');
  const other = fileOf('t/b', {}, false);
  const has = async (...files: DataFile[]): Promise<boolean> =>
    (await sqlOf({ id: 'long', x: type }, files)).includes(', can_have_nan = true,');
  expect([await has(own), await has(other), await has(own, other)]).toEqual([false, canHaveNan, canHaveNan]);
});
