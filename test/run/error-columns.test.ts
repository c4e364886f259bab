import { expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
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

test('an error has the place that its row has in the plan of the run, also where a retry made it', () => {
  const item = {
    ordinal: 1n,
    firstOrdinal: 7n,
    id: 'a',
    stem: 'images/a',
    copy: 2,
    imageKey: 'a.jpg',
    sha256: null,
    box: null,
  };
  const error = new PixlakeError('IMAGE_EMPTY', 'a.jpg has zero bytes');
  const failed = { kind: 'failure', item, stage: 'read', error } as const;
  expect(Object.fromEntries(ERROR_COLUMNS.map((column) => [column.name, column.valueOf(failed)]))).toEqual({
    ordinal: 7n,
    id: 'a',
    copy: 2,
    source_key: 'a.jpg',
    stage: 'read',
    code: 'IMAGE_EMPTY',
    message: 'a.jpg has zero bytes',
  });
});
