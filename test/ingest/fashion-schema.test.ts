import { expect, test } from 'vitest';
import { parseDatasetSchema } from '../../src/ingest/dataset-schema.ts';
import { FASHION_SCHEMA } from '../../src/ingest/fashion-schema.ts';
import { checkHeader, parseRow } from '../../src/ingest/parse-row.ts';
import { splitRecord } from '../../src/ingest/split-record.ts';

const HEADER =
  'id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName';

test('the schema is one that a file could declare', () => {
  expect(parseDatasetSchema(FASHION_SCHEMA, 'fashion')).toEqual(FASHION_SCHEMA);
});

test('the first row of the catalogue is read in the order of its header', () => {
  const positions = checkHeader(HEADER.split(','), FASHION_SCHEMA);
  const parse = (raw: string): unknown =>
    parseRow({ line: 2, raw, split: splitRecord(raw) }, FASHION_SCHEMA, positions);
  const row = '15970,Men,Apparel,Topwear,Shirts,Navy Blue,Fall,2011,Casual,Turtle Check Men Navy Blue Shirt';
  expect(parse(row)).toMatchObject({
    values: [15_970n, ...row.split(',').slice(1, 7), 2011, ...row.split(',').slice(8)],
  });
  for (const year of ['1900', '2100', ''])
    expect(parse(row.replace('2011', year))).toMatchObject({ kind: 'row' });
  for (const year of ['1899', '2101'])
    expect(parse(row.replace('2011', year))).toMatchObject({ kind: 'reject' });
});

test('the table is laid out by category, and sorted so that common filters skip row groups', () => {
  expect(FASHION_SCHEMA).toMatchObject({
    name: 'fashion',
    idColumn: 'id',
    partitionBy: ['masterCategory'],
    sortBy: ['gender', 'subCategory', 'year', 'id'],
  });
});
