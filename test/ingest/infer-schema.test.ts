import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FASHION_SCHEMA } from '../../src/ingest/fashion-schema.ts';
import { chooseSchema, inferSchema, type SchemaChoice } from '../../src/ingest/infer-schema.ts';
import { makeTestFolder } from '../support/pixlake.ts';

async function writeCsv(content: string): Promise<string> {
  const path = join(await makeTestFolder(), 'table.csv');
  await writeFile(path, content);
  return path;
}

/** The type of each column of a CSV file. */
async function typesOf(content: string, choice: Partial<SchemaChoice> = {}): Promise<Record<string, string>> {
  const { columns } = await inferSchema(await writeCsv(content), { name: 't', ...choice });
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
}

/** The type of a column that has these values. */
const typeOf = async (...values: readonly string[]): Promise<string | undefined> =>
  (await typesOf(`id,v,end\n${values.map((value) => `1,${value},\n`).join('')}`))['v'];

describe('a type is inferred', () => {
  test('from all values, and nothing is lost', async () => {
    expect(
      await typesOf(
        'id,code,big,huge,price,flag,note,none\n1,007,1234567890123456789,99999999999999999999,1.50,true,x,\n2,8,-5,1,2,FALSE,NA,NA\n',
      ),
    ).toEqual({
      id: 'BIGINT',
      code: 'VARCHAR',
      big: 'BIGINT',
      huge: 'VARCHAR',
      price: 'DOUBLE',
      flag: 'BOOLEAN',
      note: 'VARCHAR',
      none: 'VARCHAR',
    });
  });

  test.each([
    ['BIGINT', ['0', '-1', '9223372036854775807', '-9223372036854775808']],
    ['DOUBLE', ['1', '-0.5', '1e5', '1.25E-10', '10e+2', '-12.5', '0.0']],
    ['DOUBLE', ['9007199254740991', '1.5']],
    ['DOUBLE', ['-0']],
    ['BOOLEAN', ['true', 'FALSE', 'True']],
  ])('%s from %j', async (type, values) => {
    expect(await typeOf(...values)).toBe(type);
  });

  test.each([
    ['+1'],
    ['01'],
    ['x1'],
    ['1x'],
    ['9223372036854775808'],
    ['.5', '1.5'],
    ['1.', '1.5'],
    ['00.5', '1.5'],
    ['x1.5'],
    ['1.5x'],
    ['1.5e'],
    ['1e999', '1.5'],
    ['9007199254740993', '1.5'],
    ['true', '1'],
    ['truer'],
    ['untrue'],
    ['yes'],
  ])('VARCHAR from what a number would change: %s', async (...values) => {
    expect(await typeOf(...values)).toBe('VARCHAR');
  });

  test('from rows that can be read, and for the last column only from those without extra commas', async () => {
    expect(await typesOf('id,v,w\n1,2,3\n2\n3,"x\n4,5,6,x\n')).toEqual({
      id: 'BIGINT',
      v: 'BIGINT',
      w: 'BIGINT',
    });
    expect(await typesOf('id,v,w\n1,2,x\n4,y,6,x\n')).toEqual({ id: 'BIGINT', v: 'VARCHAR', w: 'VARCHAR' });
  });

  test('for ids and paths of images, which name files, as text unless they are whole numbers', async () => {
    const csv = 'id,file,v\n1.0,2.0,3.0\ntrue,4.0,5.0\n';
    expect(await typesOf(csv, { imageColumn: 'FILE' })).toEqual({
      id: 'VARCHAR',
      file: 'VARCHAR',
      v: 'DOUBLE',
    });
    expect(await typesOf(csv)).toMatchObject({ file: 'DOUBLE' });
    expect(await typesOf('id,file\n1,2\n', { imageColumn: 'file' })).toEqual({
      id: 'BIGINT',
      file: 'BIGINT',
    });
    expect(await typesOf('n,id\n1.0,2.0\n', { idColumn: 'N' })).toEqual({ n: 'VARCHAR', id: 'DOUBLE' });
  });

  test('as that of the table where the values fit or there are none', async () => {
    const tableTypes = new Map(
      Object.entries({
        id: 'VARCHAR',
        a: 'INTEGER',
        b: 'DOUBLE',
        c: 'BOOLEAN',
        d: 'DOUBLE',
        x: 'BIGINT',
      } as const),
    );
    expect(await typesOf('id,a,b,c,d,e\n1,2,3,,x,\n', { tableTypes })).toEqual({
      id: 'VARCHAR',
      a: 'INTEGER',
      b: 'DOUBLE',
      c: 'BOOLEAN',
      d: 'VARCHAR',
      e: 'VARCHAR',
    });
  });
});

test('an inferred schema has the name that is given, and sorts by its id', async () => {
  const path = await writeCsv('ID,file,Id2\n1,a.jpg,x\n');
  expect(await inferSchema(path, { name: 'photos', imageColumn: 'file' })).toEqual({
    name: 'photos',
    idColumn: 'ID',
    imageColumn: 'file',
    columns: [
      { name: 'ID', type: 'BIGINT' },
      { name: 'file', type: 'VARCHAR' },
      { name: 'Id2', type: 'VARCHAR' },
    ],
    partitionBy: [],
    sortBy: ['ID'],
  });
  const plain = await inferSchema(path, { name: 'photos', idColumn: 'Id2' });
  expect(plain).toMatchObject({ idColumn: 'Id2', sortBy: ['Id2'] });
  expect(plain).not.toHaveProperty('imageColumn');
});

describe('a schema is chosen', () => {
  const HEADER = FASHION_SCHEMA.columns.map(({ name }) => name);

  test.each([
    ['the header of fashion', HEADER.join(','), {}, 'fashion'],
    ['its columns in another order', HEADER.toReversed().join(','), {}, 'fashion'],
    ['one column more', [...HEADER, 'x'].join(','), {}, 't'],
    ['one column less', HEADER.slice(0, -1).join(','), {}, 't'],
    ['another column', [...HEADER.slice(0, -1), 'x'].join(','), {}, 't'],
    ['fashion, where inference is wanted', HEADER.join(','), { schema: 'infer' }, 't'],
    ['fashion, where an id is named', HEADER.join(','), { idColumn: 'year' }, 't'],
    ['fashion, where a path is named', HEADER.join(','), { imageColumn: 'usage' }, 't'],
    ['others, where fashion is named', 'id,x', { schema: 'fashion' }, 'fashion'],
    ['others, with inference and an id', 'id,x', { schema: 'infer', idColumn: 'x' }, 't'],
  ] as const)('for %s', async (_, header, choice, name) => {
    const schema = await chooseSchema(await writeCsv(`${header}\n`), { name: 't', ...choice });
    expect(schema.name).toBe(name);
    expect(schema === FASHION_SCHEMA).toBe(name === 'fashion');
  });

  test('from a file that declares it', async () => {
    const declared = { name: 'mine', idColumn: 'id', columns: [{ name: 'id', type: 'VARCHAR' }] };
    const file = await writeCsv(JSON.stringify(declared));
    expect(await chooseSchema('unread.csv', { name: 't', schema: file })).toMatchObject(declared);
  });

  test.each([{ idColumn: 'x' }, { imageColumn: 'x' }])(
    'once: a declared one names its columns itself, so %j is refused',
    async (choice) => {
      await expect(
        chooseSchema('unread.csv', { name: 't', schema: 'fashion', ...choice }),
      ).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
        message: 'schema fashion already names the columns of ids and images',
        remedy: 'omit --id-column and --image-column, or omit --schema',
      });
    },
  );
});

test.each([
  ['a,A,id\n', {}, 'two columns are named A (SQL ignores case)', 'rename the column'],
  ['id,,b\n', {}, 'column 2 has no name', 'rename the column'],
  ['id,image_key\n', {}, 'column image_key is reserved', 'rename the column'],
  ['name,b\n', {}, 'has no column id, only: name, b', 'choose one of them with --id-column'],
  ['id,b\n', { imageColumn: 'file' }, 'has no column file', 'choose one of them with --image-column'],
])('headers that cannot become a table are refused: %j', async (content, choice, named, remedy) => {
  const schema = inferSchema(await writeCsv(content), { name: 't', ...choice });
  await expect(schema).rejects.toMatchObject({
    code: 'CSV_HEADER_INVALID',
    message: expect.stringContaining(named),
    remedy,
  });
});
