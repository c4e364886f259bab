import { describe, expect, test } from 'vitest';
import {
  checkPartitionColumns,
  type DeltaStruct,
  type DeltaType,
  deltaArray,
  deltaField,
  isIntegerType,
  mergeSchemas,
  parseSchema,
} from '../../src/table/delta-schema.ts';

const structOf = (fields: Readonly<Record<string, DeltaType>>): DeltaStruct => ({
  type: 'struct',
  fields: Object.entries(fields).map(([name, type]) => deltaField(name, type)),
});
const mapOf = (keyType: DeltaType, valueType: DeltaType): DeltaType => ({
  type: 'map',
  keyType,
  valueType,
  valueContainsNull: true,
});

test('columns are nullable, and so are elements', () => {
  expect(deltaField('a', 'long')).toEqual({ name: 'a', type: 'long', nullable: true, metadata: {} });
  expect(deltaArray('long')).toEqual({ type: 'array', elementType: 'long', containsNull: true });
});

test('integers are the whole numbers of a fixed width', () => {
  const types = ['byte', 'short', 'integer', 'long', 'double', 'decimal(3,0)', 'string'];
  expect(types.filter(isIntegerType)).toEqual(['byte', 'short', 'integer', 'long']);
});

describe('a schema', () => {
  const types: readonly DeltaType[] = [
    'void',
    'timestamp_ntz',
    'decimal(10,2)',
    'decimal( 38 , 10 )',
    deltaArray(deltaArray('string')),
    mapOf('string', deltaArray('long')),
    structOf({ a: structOf({ b: 'date' }) }),
    structOf({}),
  ];

  test.each(types)('may have a column of type %j', (type) => {
    const schema = structOf({ a: 'long', c: type });
    expect(parseSchema(JSON.stringify(schema), 't')).toEqual(schema);
  });

  const unknown: readonly (readonly [DeltaType, string])[] = [
    ['variant', 'variant'],
    ['longer', 'longer'],
    ['along', 'along'],
    ['decimal', 'decimal'],
    ['decimal(100,2)', 'decimal(100,2)'],
    ['decimal(10,200)', 'decimal(10,200)'],
    ['decimal(x,2)', 'decimal(x,2)'],
    [deltaArray('variant'), 'variant'],
    [mapOf('variant', 'long'), 'variant'],
    [mapOf('long', 'variant'), 'variant'],
    [structOf({ a: 'long', b: 'variant' }), 'variant'],
    [{ type: 'set' } as unknown as DeltaType, '{"type":"set"}'],
    [{ type: 'struct' } as unknown as DeltaType, '{"type":"struct"}'],
    [null as unknown as DeltaType, 'null'],
    [7 as unknown as DeltaType, '7'],
  ];

  test.each(unknown)('with a column of type %j is refused by name', (type, name) => {
    expect(() => parseSchema(JSON.stringify(structOf({ a: 'long', c: type })), 't')).toThrow(
      expect.objectContaining({
        code: 'TABLE_FEATURE_UNSUPPORTED',
        message: `column c of t has the type ${name}, which pixlake does not support`,
      }),
    );
  });

  test.each([
    'null',
    '7',
    '"struct"',
    '{}',
    '{"type":"struct"}',
    '{"type":"array","fields":[]}',
    '{"fields":[]}',
    '{"type":"struct","fields":{}}',
    '{"type":"struct","fields":[null]}',
    '{"type":"struct","fields":["a"]}',
    '{"type":"struct","fields":[{"name":"a"}]}',
    '{"type":"struct","fields":[{"type":"long"}]}',
    '{"type":"struct","fields":[{"name":"a","type":"long"},{}]}',
  ])('of %s is no struct with fields', (text) => {
    expect(() => parseSchema(text, 't')).toThrow(
      expect.objectContaining({
        code: 'TABLE_CORRUPT',
        message: 'the schema of table t is not a struct with fields',
      }),
    );
  });

  test('that is no JSON is refused with the cause', () => {
    expect(() => parseSchema('{', 't')).toThrow(
      expect.objectContaining({
        code: 'TABLE_CORRUPT',
        message: 'the schema of table t is not JSON',
        cause: expect.any(SyntaxError),
      }),
    );
  });
});

describe('partition columns', () => {
  const schema = structOf({ a: 'long', b: 'string', bytes: 'binary', list: deltaArray('long') });

  test('may be any columns whose values the log holds as text', () => {
    expect(() => checkPartitionColumns(schema, ['a', 'b'], 't')).not.toThrow();
    expect(() => checkPartitionColumns(schema, [], 't')).not.toThrow();
  });

  test.each([
    ['x', 'TABLE_CORRUPT', 'the partition column x of t is not a column of the table'],
    ['list', 'TABLE_CORRUPT', 'the partition column list of t is nested'],
    [
      'bytes',
      'TABLE_FEATURE_UNSUPPORTED',
      't is partitioned by bytes of type binary, which pixlake does not support',
    ],
  ])('cannot be %s', (name, code, message) => {
    expect(() => checkPartitionColumns(schema, ['a', name], 't')).toThrow(
      expect.objectContaining({ code, message }),
    );
  });
});

describe('the columns of a source', () => {
  const base = structOf({ id: 'long', Name: 'string', list: deltaArray('long') });

  test('that a table has not come last and may be null', () => {
    const added = { ...deltaField('new', 'date'), nullable: false };
    const merged = mergeSchemas(base, { type: 'struct', fields: [added, ...base.fields] }, 't');
    expect(merged).toEqual({ type: 'struct', fields: [...base.fields, deltaField('new', 'date')] });
  });

  test('that it has leave it as it is', () => {
    expect(mergeSchemas(base, structOf({ list: deltaArray('long'), id: 'long' }), 't')).toBe(base);
  });

  const NUMBERS = ['byte', 'short', 'integer', 'long', 'float', 'double'];

  test.each([
    ['byte', ['byte', 'short', 'integer', 'long', 'float', 'double']],
    ['short', ['short', 'integer', 'long', 'float', 'double']],
    ['integer', ['integer', 'long', 'double']],
    ['long', ['long', 'double']],
    ['float', ['float', 'double']],
    ['double', ['double']],
    ['string', []],
  ])('of type %s fit into numbers of the types %j', (type, wider) => {
    const fits = (target: string): boolean => {
      try {
        return mergeSchemas(structOf({ c: target }), structOf({ c: type }), 't').fields[0]?.type === target;
      } catch {
        return false;
      }
    };
    expect(NUMBERS.filter(fits)).toEqual(wider);
  });

  test('that do not fit are all named', () => {
    const source = structOf({ id: 'string', NAME: 'string', list: deltaArray('string'), more: 'date' });
    expect(() => mergeSchemas(base, source, 't')).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_MISMATCH',
        message:
          'the columns do not match table t: id is long in the table and string in the source; NAME is named Name in the table; ' +
          `list is ${JSON.stringify(deltaArray('long'))} in the table and ${JSON.stringify(deltaArray('string'))} in the source`,
        remedy: 'columns keep their names and types; ingest into another table with --table',
      }),
    );
  });
});
