import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DatasetSchema, parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { FASHION_SCHEMA } from '../../src/ingest/fashion-schema.ts';
import { checkHeader, fitFields, parseRow, toText } from '../../src/ingest/parse-row.ts';
import type { CsvRecord } from '../../src/ingest/read-csv.ts';
import { splitRecord } from '../../src/ingest/split-record.ts';
import { csvLine } from '../support/catalogue.ts';

const NAMES = FASHION_SCHEMA.columns.map(({ name }) => name);

const recordOf = (line: string): CsvRecord => ({ line: 2, raw: line, split: splitRecord(line) });

const parse = (line: string): ReturnType<typeof parseRow> =>
  parseRow(recordOf(line), FASHION_SCHEMA, checkHeader(NAMES, FASHION_SCHEMA));

describe('a header', () => {
  test('must have each column once, in any order', () => {
    expect(checkHeader(NAMES.toReversed(), FASHION_SCHEMA)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  test.each([
    [NAMES.slice(1), 'the header does not match schema fashion: missing id'],
    [NAMES.slice(2), 'the header does not match schema fashion: missing id, gender'],
    [[...NAMES, 'colour'], 'the header does not match schema fashion: unknown or repeated colour'],
    [[...NAMES, 'year', 'x'], 'the header does not match schema fashion: unknown or repeated year, x'],
    [
      ['ID', ...NAMES.slice(1)],
      'the header does not match schema fashion: missing id; unknown or repeated ID',
    ],
  ])('%j is refused', (header, message) => {
    expect(() => checkHeader(header, FASHION_SCHEMA)).toThrow(
      expect.objectContaining({
        code: 'CSV_HEADER_INVALID',
        message,
        remedy: 'name the right schema with --schema',
      }),
    );
  });
});

describe('fields', () => {
  test.each<[string, number, boolean, object]>([
    ['a,b', 2, true, { fields: ['a', 'b'], isRepaired: false }],
    ['a,b', 2, false, { fields: ['a', 'b'], isRepaired: false }],
    ['a', 2, true, { reason: '1 fields instead of 2' }],
    ['a,b, "c",d', 2, true, { fields: ['a', 'b, "c",d'], isRepaired: true }],
    ['"a",b,c', 1, true, { fields: ['"a",b,c'], isRepaired: true }],
    [
      'a,b,c',
      2,
      false,
      {
        reason: '3 fields instead of 2, and the last column is not text, which could contain commas',
      },
    ],
  ])('%s for %i columns, the last one text: %s', (line, count, isLastText, expected) => {
    expect(fitFields(recordOf(line), count, isLastText)).toEqual(expected);
  });

  test('that could not be split keep their reason', () => {
    expect(fitFields({ line: 1, raw: 'a', split: { reason: 'NUL' } }, 1, true)).toEqual({ reason: 'NUL' });
  });

  test.each([
    [' a ', 'a'],
    ['', null],
    ['  ', null],
    ['NA', null],
    [' NA ', null],
    ['na', 'na'],
  ])('%j are the text %j', (field, text) => {
    expect(toText(field)).toBe(text);
  });
});

test('property: extra commas are joined to exactly what was written', () => {
  const title = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', '7'), minLength: 1, maxLength: 15 });
  fc.assert(
    fc.property(title, (text) => {
      fc.pre(!text.startsWith('"') && text.trim() !== '' && !/,\s*"/u.test(text));
      const row = parse(csvLine({ id: 1, title: text }));
      expect(row).toMatchObject({ kind: 'row', isRepaired: text.includes(',') });
      if (row.kind === 'row') expect(row.values.at(-1)).toBe(text.trim());
    }),
    { seed: 4, numRuns: 1000 },
  );
});

test('empty and NA are null, values are trimmed and typed', () => {
  expect(parse(' 12 , Men,NA,, Shirts ,Blue,Fall,2013,NA,  x  ')).toEqual({
    kind: 'row',
    line: 2,
    values: [12n, 'Men', null, null, 'Shirts', 'Blue', 'Fall', 2013, null, 'x'],
    isRepaired: false,
  });
});

test.each([
  ['1,2,3', '3 fields instead of 10'],
  [csvLine({ id: '' }), 'id is empty'],
  [csvLine({ id: '1.5' }), 'id "1.5" is not a whole number of at least 0'],
  [csvLine({ id: '-4' }), 'id "-4" is not a whole number of at least 0'],
  [csvLine({ id: '99999999999999999999' }), 'id "99999999999999999999" is not a whole number of at least 0'],
  [csvLine({ id: 1, year: 'soon' }), 'year "soon" is not a whole number from 1900 to 2100'],
  [csvLine({ id: 1, year: 1800 }), 'year "1800" is not a whole number from 1900 to 2100'],
  [
    csvLine({ id: 1, year: 'y'.repeat(61) }),
    `year "${'y'.repeat(60)}" is not a whole number from 1900 to 2100`,
  ],
  [csvLine({ id: '1\u00852' }), 'id "1\u00852" contains a control character'],
])('what does not fit is rejected with its reason and its text: %s', (line, reason) => {
  expect(parse(line)).toEqual({ kind: 'reject', line: 2, raw: line, reason });
});

function makeSchema(...columns: readonly object[]): DatasetSchema {
  return parseDatasetSchema({ name: 't', idColumn: 'id', columns }, 't.json');
}

describe('ids', () => {
  const schema = makeSchema({ name: 'id', type: 'VARCHAR' });

  test('may be paths and as long as they like', () => {
    for (const id of ['train/cats/1.jpg', '../../etc/passwd', '.hidden', 'a\\b', 'x'.repeat(5000), 'a b~ü']) {
      expect(parseRow(recordOf(id), schema, [0])).toMatchObject({ kind: 'row', values: [id] });
    }
  });

  test('have no control characters', () => {
    for (const one of ['\u0000', '\u001f', '\u007f', '\u009f']) {
      const reason = `id ${JSON.stringify(`a${one}b`)} contains a control character`;
      expect(parseRow(recordOf(`a${one}b`), schema, [0])).toMatchObject({ kind: 'reject', reason });
    }
    const long = `${'x'.repeat(60)}\u0001`;
    const reason = `id "${'x'.repeat(60)}" contains a control character`;
    expect(parseRow(recordOf(long), schema, [0])).toMatchObject({ kind: 'reject', reason });
  });

  test('are never empty; other columns may be, unless they are required, and may hold control characters', () => {
    const two = makeSchema({ name: 'id', type: 'VARCHAR' }, { name: 'a', type: 'VARCHAR' });
    const strict = makeSchema(
      { name: 'id', type: 'VARCHAR' },
      { name: 'a', type: 'VARCHAR', required: true },
    );
    const parseWith = (line: string, own: DatasetSchema): object => parseRow(recordOf(line), own, [0, 1]);
    expect(parseWith('NA,x', two)).toMatchObject({ kind: 'reject', reason: 'id is empty' });
    expect(parseWith('1,', two)).toMatchObject({ kind: 'row', values: ['1', null] });
    expect(parseWith('1,', strict)).toMatchObject({ kind: 'reject', reason: 'a is empty' });
    expect(parseWith('1,x', strict)).toMatchObject({ kind: 'row', values: ['1', 'x'] });
    expect(parseWith('1,a\u0001b', two)).toMatchObject({ kind: 'row', values: ['1', 'a\u0001b'] });
  });
});

describe('extra commas', () => {
  const schema = makeSchema({ name: 'id', type: 'BIGINT' }, { name: 'note', type: 'VARCHAR' });

  test('belong to the column that is last in the file, which need not be last in the schema', () => {
    expect(parseRow(recordOf('1,a,b'), schema, [0, 1])).toMatchObject({
      values: [1n, 'a,b'],
      isRepaired: true,
    });
    expect(parseRow(recordOf('a,1,b'), schema, [1, 0])).toMatchObject({
      kind: 'reject',
      reason: expect.stringContaining('the last column is not text'),
    });
  });
});

describe('values', () => {
  const parseValue = (text: string, column: object): unknown => {
    const schema = makeSchema({ name: 'id', type: 'VARCHAR' }, { name: 'v', ...column });
    const row = parseRow(recordOf(`1,${text}`), schema, [0, 1]);
    return row.kind === 'row' ? row.values[1] : row.reason;
  };

  test.each([
    ['BIGINT', '+7', 7n],
    ['BIGINT', '007', 7n],
    ['BIGINT', '9223372036854775807', 9_223_372_036_854_775_807n],
    ['BIGINT', '-9223372036854775808', -9_223_372_036_854_775_808n],
    ['INTEGER', '2147483647', 2_147_483_647],
    ['INTEGER', '-2147483648', -2_147_483_648],
    ['INTEGER', '-0', 0],
    ['DOUBLE', '1', 1],
    ['DOUBLE', '1.', 1],
    ['DOUBLE', '-.25', -0.25],
    ['DOUBLE', '+12.75', 12.75],
    ['DOUBLE', '12e10', 12e10],
    ['DOUBLE', '1.5E-12', 1.5e-12],
    ['DOUBLE', '1e+2', 100],
    ['BOOLEAN', 'TRUE', true],
    ['BOOLEAN', 'False', false],
    ['VARCHAR', '1.0', '1.0'],
  ])('of %s: %s', (type, text, value) => {
    expect(parseValue(text, { type })).toBe(value);
  });

  test.each([
    ['BIGINT', '9223372036854775808', 'a whole number'],
    ['BIGINT', '-9223372036854775809', 'a whole number'],
    ['BIGINT', '00000000000000000001', 'a whole number'],
    ['BIGINT', '1x', 'a whole number'],
    ['BIGINT', 'x1', 'a whole number'],
    ['BIGINT', '+-1', 'a whole number'],
    ['INTEGER', '2147483648', 'a whole number'],
    ['INTEGER', '-2147483649', 'a whole number'],
    ['DOUBLE', 'x1', 'a number'],
    ['DOUBLE', '1x', 'a number'],
    ['DOUBLE', '.', 'a number'],
    ['DOUBLE', '1e', 'a number'],
    ['DOUBLE', 'Infinity', 'a number'],
    ['DOUBLE', '1e999', 'a number'],
    ['DOUBLE', '0x10', 'a number'],
    ['BOOLEAN', '1', 'true or false'],
    ['BOOLEAN', 'truer', 'true or false'],
  ])('of %s are not: %s', (type, text, wanted) => {
    expect(parseValue(text, { type })).toBe(`v ${JSON.stringify(text)} is not ${wanted}`);
  });

  test.each([
    [{ min: 2 }, '1', 'of at least 2'],
    [{ max: 2 }, '3', 'of at most 2'],
    [{ min: 2, max: 4 }, '5', 'from 2 to 4'],
    [{ min: 2, max: 4 }, '1', 'from 2 to 4'],
  ])('have to lie in a range, its ends included: %j', (range, outside, described) => {
    for (const type of ['INTEGER', 'BIGINT', 'DOUBLE']) {
      const kind = type === 'DOUBLE' ? 'a number' : 'a whole number';
      expect(parseValue(outside, { type, ...range })).toBe(`v "${outside}" is not ${kind} ${described}`);
      for (const end of Object.values(range))
        expect(Number(parseValue(String(end), { type, ...range }))).toBe(end);
    }
    expect.assertions(3 * (1 + Object.keys(range).length));
  });
});
