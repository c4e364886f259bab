import { expect, test } from 'vitest';
import { negotiate } from '../../src/api/media-types.ts';

const TYPES = { json: 'application/json', csv: 'text/csv', arrow: 'application/vnd.apache.arrow.stream' };

test.each<[string | undefined, string]>([
  [undefined, 'json'],
  ['*/*', 'json'],
  ['text/csv', 'csv'],
  ['TEXT/CSV', 'csv'],
  ['text/*', 'csv'],
  ['application/*', 'json'],
  ['text/csv, application/json', 'json'],
  ['application/json;q=0.5, text/csv', 'csv'],
  ['application/json;q=0.5, text/csv;q=0.4', 'json'],
  ['application/json; q=0.5 ,text/csv ; q=0.6', 'csv'],
  ['text/csv;charset=utf-8;q=0.1, application/vnd.apache.arrow.stream;q=0.2', 'arrow'],
  // The most specific range decides.
  ['*/*, application/json;q=0', 'csv'],
  ['application/*;q=0.1, */*;q=0.5', 'csv'],
  ['application/*;q=0.1, application/json;q=0.9, */*;q=0.5', 'json'],
  ['image/png, text/csv;q=0.01', 'csv'],
  ['application/json;q=abc, text/csv;q=0.1', 'csv'],
  [`${'image/png,'.repeat(99)}text/csv`, 'csv'],
])('Accept: %s gives %s', (accept, name) => {
  expect(negotiate(accept, TYPES)).toBe(name);
});

test.each([
  'image/png',
  '',
  'text',
  'application/json;q=0',
  '*/*;q=0',
  'text/csvx',
  `${'image/png,'.repeat(100)}text/csv`,
])('Accept: %s gives nothing, and it is said what there is', (accept) => {
  expect(() => negotiate(accept, TYPES)).toThrow(
    expect.objectContaining({
      code: 'NOT_ACCEPTABLE',
      remedy: 'there is: application/json, text/csv, application/vnd.apache.arrow.stream',
    }),
  );
});
