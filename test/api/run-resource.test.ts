import { expect, test } from 'vitest';
import { toRunResource } from '../../src/api/run-resource.ts';
import { runSpecSchema } from '../../src/run/run-spec.ts';

test('why a run failed names no path of the server', () => {
  const run = runSpecSchema.parse({ name: 'r', sql: 'SELECT * FROM images' });
  const failure = {
    code: 'STORAGE_FULL',
    message: 'cannot write /srv/lake/runs/r/part.parquet: no space left',
    remedy: 'make room in /srv/lake/runs',
  };
  const submission = { run, submittedMs: 0, state: 'failed', failure } as const;
  const told = { name: 'r', state: 'failed', status: undefined, live: undefined, isRetrying: false } as const;
  expect(toRunResource({ ...told, submission })).toMatchObject({
    id: 'r',
    submittedAt: '1970-01-01T00:00:00.000Z',
    error: {
      code: 'STORAGE_FULL',
      message: 'cannot write <path>: no space left',
      remedy: 'make room in <path>',
    },
  });
  expect(toRunResource({ ...told, submission: { ...submission, failure: undefined } }).error).toBeNull();
});

const spec = runSpecSchema.parse({ name: 'a b', sql: 'SELECT * FROM images', copies: 3 });

const execution = {
  runId: 'abc',
  sourceTable: 'images',
  sourceVersion: 0,
  rowCount: 10,
  shardCount: 2,
  run: spec,
  model: { name: 'tiny', sha256: 'ff', isTrained: false, path: '/srv/lake/models/tiny' },
};

const status = { execution, imageCount: 5, errorCount: 1, retryCount: 4, finishedShardCount: 1 };

const told = {
  name: 'a b',
  state: 'running',
  isRetrying: true,
  submission: undefined,
  live: undefined,
} as const;

test('a run that has a plan says what of it is done', () => {
  expect(toRunResource({ ...told, status } as never)).toEqual({
    id: 'a b',
    state: 'running',
    spec,
    submittedAt: null,
    runId: 'abc',
    sourceTable: 'images',
    sourceVersion: 0,
    rowCount: 10,
    totalImages: 30,
    imageCount: 5,
    errorCount: 1,
    retryCount: 4,
    isRetrying: true,
    shardCount: 2,
    finishedShardCount: 1,
    model: { name: 'tiny', sha256: 'ff', isTrained: false },
    error: null,
    links: { self: '/v1/runs/a%20b', events: '/v1/runs/a%20b/events', manifest: '/v1/runs/a%20b/manifest' },
  });
  const { model: _model, ...plain } = execution;
  expect(toRunResource({ ...told, status: { ...status, execution: plain } } as never).model).toBeNull();
});

test('what runs counts too, unless more was counted before', () => {
  const countsOf = (live: object): unknown => {
    const { imageCount, errorCount } = toRunResource({ ...told, status, live } as never);
    return [imageCount, errorCount];
  };
  expect(countsOf({ imageCount: 7, errorCount: 0 })).toEqual([7, 1]);
  expect(countsOf({ imageCount: 0, errorCount: 3 })).toEqual([5, 3]);
});

test('a run without a plan is empty, and one that works again has not failed', () => {
  const submission = {
    run: spec,
    submittedMs: 0,
    state: 'failed',
    failure: { code: 'RUN_FAILED', message: 'bad' },
  };
  const bare = { ...told, status: undefined, submission };
  expect(toRunResource(bare as never)).toMatchObject({
    spec,
    runId: null,
    sourceTable: null,
    sourceVersion: null,
    rowCount: null,
    totalImages: null,
    imageCount: 0,
    errorCount: 0,
    retryCount: 0,
    shardCount: null,
    finishedShardCount: 0,
    model: null,
    error: { code: 'RUN_FAILED', message: 'bad' },
  });
  expect(toRunResource(bare as never).error).not.toHaveProperty('remedy');
  expect(toRunResource({ ...bare, live: { imageCount: 0, errorCount: 0 } } as never).error).toBeNull();
  expect(
    toRunResource({ ...bare, submission: { ...submission, state: 'accepted' } } as never).error,
  ).toBeNull();
  expect(toRunResource({ ...bare, submission: undefined }).spec).toEqual({});
});
