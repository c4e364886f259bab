import { expect, test } from 'vitest';
import { ERROR_COLUMNS, ERRORS_SCHEMA } from '../../src/run/error-columns.ts';

test('the table of errors has the columns that shards write', () => {
  expect(ERRORS_SCHEMA.fields.map(({ name }) => name)).toEqual(ERROR_COLUMNS.map(({ name }) => name));
});
