import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDataPath, encodeDataPath, toDataKey } from '../../src/table/data-path.ts';
import { FOLDER } from './table-fixture.ts';

test('property: any path survives its way through the log', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('a', '%', ' ', '#', '?', 'ü', '/', '=', '+', '&', '2', '0'),
        minLength: 1,
      }),
      (path) => {
        expect(decodeDataPath(encodeDataPath(path))).toBe(path);
        expect(encodeDataPath(path)).toMatch(/^[\w%/=+&.-]*$/u);
      },
    ),
    { seed: 1, numRuns: 1000 },
  );
  expect(encodeDataPath('c=Personal%20Care/x.parquet')).toBe('c=Personal%2520Care/x.parquet');
});

test.each([
  ['/lake', 'a%20b.parquet', 'tables/t/a b.parquet'],
  ['/lake', '100%.parquet', 'tables/t/100%.parquet'],
  ['/lake', 'k=file:/x.parquet', 'tables/t/k=file:/x.parquet'],
  ['/lake', 'a:b.parquet', 'tables/t/a:b.parquet'],
  ['/lake', 'file:///lake/tables/u/x.parquet', 'tables/u/x.parquet'],
  ['/lake', 'FILE:/lake/tables/u/x.parquet', 'tables/u/x.parquet'],
  ['/lake', '/lake/tables/u/x.parquet', 'tables/u/x.parquet'],
  ['/lake', '/lake/k=file:%2Fy/x.parquet', 'k=file:/y/x.parquet'],
  ['/lake/', '/lake/k=a%2520b/x.parquet', 'k=a%20b/x.parquet'],
  ['/lake//', '/lake/x.parquet', 'x.parquet'],
  ['/', '/tables/x.parquet', 'tables/x.parquet'],
  ['s3://bucket/lake', 's3://bucket/lake/a/x.parquet', 'a/x.parquet'],
  ['s3://bucket/lake', 's3a://bucket/lake/a/x.parquet', 'a/x.parquet'],
  ['s3://bucket/lake', 'S3N://bucket/lake/a/x.parquet', 'a/x.parquet'],
  ['s3://bucket/lake', 's3://bucket/lake/k=s3a:/x.parquet', 'k=s3a:/x.parquet'],
])('in the lake %s the path %s is the key %s', (uri, path, key) => {
  expect(toDataKey(uri, FOLDER, path)).toBe(key);
});

test.each([
  ['/lake', 'file:///etc/passwd'],
  ['/lake', '/lakeside/x.parquet'],
  ['/lake', '/lake'],
  ['/lake', '/other/lake/x.parquet'],
  ['/lake', 's3://other/x.parquet'],
  ['/lake', 'abfss:///lake/x.parquet'],
  ['s3://bucket/lake', 's3b://bucket/lake/x.parquet'],
  ['s3://bucket/lake', 's3://bucket/lakes/x.parquet'],
])('from the lake %s the path %s leads out and is refused', (uri, path) => {
  expect(() => toDataKey(uri, FOLDER, path)).toThrow(
    expect.objectContaining({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message: `tables/t refers to a file outside ${uri}: ${path}`,
      remedy: 'copy the whole table, or attach it in the place where its files are',
    }),
  );
});

test('of a long path the message has the first 200 characters', () => {
  expect(() => toDataKey('/lake', FOLDER, `/${'x'.repeat(300)}`)).toThrow(
    expect.objectContaining({
      message: `tables/t refers to a file outside /lake: /${'x'.repeat(199)}`,
    }),
  );
});
