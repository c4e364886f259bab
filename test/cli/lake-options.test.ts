import { expect, test } from 'vitest';
import { s3Options } from '../../src/cli/lake-options.ts';

test('options of S3 that were not given are left to the environment', () => {
  expect(s3Options({})).toEqual({});
  expect(s3Options({ endpointUrl: 'http://x', region: 'r', s3Reader: 'cache' })).toEqual({
    endpointUrl: 'http://x',
    region: 'r',
    reader: 'cache',
  });
});
