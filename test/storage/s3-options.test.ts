import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveS3 } from '../../src/storage/s3-options.ts';

const DEFAULTS = {
  endpointUrl: undefined,
  region: undefined,
  isPathStyle: false,
  reader: 'auto',
  httpfsPath: undefined,
  cacheDir: join(homedir(), '.cache/pixlake'),
  cacheBytes: 10_737_418_240,
};

const ENVIRONMENT = {
  AWS_ENDPOINT_URL: 'http://general:1',
  AWS_ENDPOINT_URL_S3: 'http://special:2',
  AWS_REGION: 'eu-west-1',
  PIXLAKE_S3_READER: 'cache',
  PIXLAKE_CACHE_BYTES: '123',
  PIXLAKE_HTTPFS: '/httpfs.duckdb_extension',
  XDG_CACHE_HOME: '/x',
};

test('what nobody sets has a default, and what is empty counts as not set', () => {
  expect(resolveS3({}, {})).toEqual(DEFAULTS);
  const empty = Object.fromEntries([...Object.keys(ENVIRONMENT), 'PIXLAKE_CACHE'].map((name) => [name, '']));
  expect(resolveS3({}, empty)).toEqual(DEFAULTS);
});

test('settings come from the environment as AWS tools name them', () => {
  expect(resolveS3({}, ENVIRONMENT)).toEqual({
    endpointUrl: 'http://special:2',
    // The SDK reads it itself, and the profile.
    region: undefined,
    isPathStyle: true,
    reader: 'cache',
    httpfsPath: '/httpfs.duckdb_extension',
    cacheDir: '/x/pixlake',
    cacheBytes: 123,
  });
  const { AWS_ENDPOINT_URL } = ENVIRONMENT;
  expect(resolveS3({}, { AWS_ENDPOINT_URL })).toMatchObject({ endpointUrl: 'http://general:1' });
  expect(resolveS3({}, { PIXLAKE_CACHE: '/c', XDG_CACHE_HOME: '/x' })).toMatchObject({ cacheDir: '/c' });
});

test('options count more than the environment', () => {
  const options = {
    endpointUrl: 'https://own',
    region: 'us-west-2',
    reader: 'httpfs',
    isPathStyle: false,
    httpfsPath: '/own',
    cacheDir: '/cache',
    cacheBytes: 0,
  } as const;
  expect(resolveS3(options, { ...ENVIRONMENT, PIXLAKE_CACHE: '/c' })).toEqual(options);
  expect(resolveS3({ isPathStyle: true }, {})).toEqual({ ...DEFAULTS, isPathStyle: true });
});

test.each([
  [{ AWS_ENDPOINT_URL: 'localhost:9000' }, 'localhost:9000'],
  [{ AWS_ENDPOINT_URL: 'no url' }, 'no url'],
  [{ AWS_ENDPOINT_URL: 'xhttp://host' }, 'xhttp://host'],
  [{ AWS_ENDPOINT_URL: 'httpx://host' }, 'httpx://host'],
  [{ PIXLAKE_S3_READER: 'ftp' }, 'reader ftp; use one of: auto, httpfs, cache'],
  [{ PIXLAKE_CACHE_BYTES: '10GB' }, '10GB'],
  [{ PIXLAKE_CACHE_BYTES: '-1' }, '-1'],
])('%o is refused by name', (env, words) => {
  expect(() => resolveS3({}, env)).toThrow(
    expect.objectContaining({ code: 'ARGUMENT_INVALID', message: expect.stringContaining(words) }),
  );
});
