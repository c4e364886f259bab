import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkColumnNames, parseDatasetSchema, readDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { makeTestFolder } from '../support/pixlake.ts';

const COLUMNS = [
  { name: 'id', type: 'BIGINT', required: true, min: 0, max: 9 },
  { name: 'file', type: 'VARCHAR' },
  { name: 'colour', type: 'VARCHAR' },
] as const;
const SMALLEST = { name: 'x', idColumn: 'id', columns: [{ name: 'id', type: 'VARCHAR' }] };

test('a schema may leave out how its table is laid out', () => {
  expect(parseDatasetSchema(SMALLEST, 'x.json')).toEqual({ ...SMALLEST, partitionBy: [], sortBy: [] });
  const whole = {
    name: 'x',
    idColumn: 'id',
    imageColumn: 'file',
    columns: COLUMNS,
    partitionBy: ['colour'],
    sortBy: ['colour', 'id'],
  };
  expect(parseDatasetSchema(whole, 'x.json')).toEqual(whole);
});

test.each([
  [{}, 'SPEC_INVALID', 'dataset schema x.json: name: '],
  [[], 'SPEC_INVALID', 'dataset schema x.json: schema: '],
  [{ ...SMALLEST, name: '' }, 'SPEC_INVALID', 'dataset schema x.json: name: '],
  [{ ...SMALLEST, idColumn: '' }, 'SPEC_INVALID', 'dataset schema x.json: idColumn: '],
  [{ ...SMALLEST, imageColumn: '' }, 'SPEC_INVALID', 'dataset schema x.json: imageColumn: '],
  [{ ...SMALLEST, columns: [] }, 'SPEC_INVALID', 'dataset schema x.json: columns: '],
  [{ ...SMALLEST, more: 1 }, 'SPEC_INVALID', 'dataset schema x.json: schema: '],
  [{ ...SMALLEST, columns: [{ name: 'id', type: 'UUID' }] }, 'SPEC_INVALID', 'x.json: columns.0.type: '],
  [{ ...SMALLEST, columns: [{ name: '', type: 'BIGINT' }] }, 'SPEC_INVALID', 'x.json: columns.0.name: '],
  [{ ...SMALLEST, columns: [{ ...COLUMNS[1], a: 1 }] }, 'SPEC_INVALID', 'x.json: columns.0: '],
  [{ ...SMALLEST, idColumn: 'no' }, 'SPEC_INVALID', 'dataset schema x.json: column no does not exist'],
  [{ ...SMALLEST, imageColumn: 'a' }, 'SPEC_INVALID', 'dataset schema x.json: column a does not exist'],
  [{ ...SMALLEST, partitionBy: ['b'] }, 'SPEC_INVALID', 'dataset schema x.json: column b does not exist'],
  [{ ...SMALLEST, sortBy: ['id', 'c'] }, 'SPEC_INVALID', 'dataset schema x.json: column c does not exist'],
  [{ ...SMALLEST, columns: [COLUMNS[0], COLUMNS[0]] }, 'CSV_HEADER_INVALID', 'two columns are named id'],
])('%j is refused', (json, code, message) => {
  expect(() => parseDatasetSchema(json, 'x.json')).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

test('all that is wrong is said at once', () => {
  expect(() => parseDatasetSchema({ columns: COLUMNS }, 'x.json')).toThrow(/name: .+; idColumn: /u);
});

test.each([
  [['a', 'A'], 'x.csv: two columns are named A (SQL ignores case)'],
  [['a', ''], 'x.csv: column 2 has no name'],
  [['Image_Key'], 'x.csv: the name of column Image_Key is reserved, because pixlake adds such a column'],
  [
    ['image_reason'],
    'x.csv: the name of column image_reason is reserved, because pixlake adds such a column',
  ],
])('columns cannot be named %j', (names, message) => {
  expect(() => checkColumnNames(names, 'x.csv')).toThrow(
    expect.objectContaining({ code: 'CSV_HEADER_INVALID', message, remedy: 'rename the column' }),
  );
});

test('columns may have any other names', () => {
  expect(() => checkColumnNames(['id', 'ID 2', 'image', 'ü'], 'x.csv')).not.toThrow();
});

test('a file is read, and one that cannot be is named with what is wrong', async () => {
  const folder = await makeTestFolder();
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  expect(await readDatasetSchema(await write('a.json', JSON.stringify(SMALLEST)))).toMatchObject(SMALLEST);
  const gone = join(folder, 'gone.json');
  await expect(readDatasetSchema(gone)).rejects.toMatchObject({
    code: 'SPEC_INVALID',
    message: expect.stringContaining(`cannot read dataset schema ${gone}: ENOENT`),
    cause: { code: 'ENOENT' },
  });
  const invalid = await write('b.json', '{"name":');
  await expect(readDatasetSchema(invalid)).rejects.toMatchObject({
    code: 'SPEC_INVALID',
    cause: expect.any(SyntaxError),
  });
  const empty = await write('c.json', '{}');
  await expect(readDatasetSchema(empty)).rejects.toThrow(`dataset schema ${empty}: name: `);
});
