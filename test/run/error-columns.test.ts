import { expect, test } from 'vitest';
import { ERROR_COLUMNS, ERRORS_SCHEMA } from '../../src/run/error-columns.ts';

test('the table of errors tells which image failed, where, and why', () => {
  expect(ERRORS_SCHEMA.fields.map(({ name, type }) => `${name} ${JSON.stringify(type)}`)).toEqual([
    'ordinal "long"',
    'id "string"',
    'copy "integer"',
    'source_key "string"',
    'stage "string"',
    'code "string"',
    'message "string"',
  ]);
  expect(ERRORS_SCHEMA.fields.map(({ name }) => name)).toEqual(ERROR_COLUMNS.map(({ name }) => name));
});
