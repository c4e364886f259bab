import { describe, expect, test } from 'vitest';
import { createPlaceHider } from '../../src/api/hide-places.ts';
import { type RunResource, toRunResource } from '../../src/api/run-resource.ts';
import { runSpecSchema } from '../../src/run/run-spec.ts';

const places = createPlaceHider(['/srv/my lake']);

/** A run as clients see it. */
const resourceOf = (run: object): RunResource =>
  toRunResource({ isElsewhere: false, createdMs: 0, ...run } as never, places);

test('why a run failed names no path of the server', () => {
  const run = runSpecSchema.parse({ name: 'r', sql: 'SELECT * FROM images' });
  const failure = {
    code: 'STORAGE_FULL',
    message: 'cannot write /srv/my lake/runs/r/part.parquet: no space left',
    remedy: 'make room in /srv/my lake',
  };
  const submission = { run, submittedMs: 0, state: 'failed', failure } as const;
  const told = { name: 'r', state: 'failed', status: undefined, live: undefined, isRetrying: false } as const;
  expect(resourceOf({ ...told, submission })).toMatchObject({
    id: 'r',
    submittedAt: '1970-01-01T00:00:00.000Z',
    error: {
      code: 'STORAGE_FULL',
      message: 'cannot write <path>: no space left',
      remedy: 'make room in <path>',
    },
  });
  expect(resourceOf({ ...told, submission: { ...submission, failure: undefined } }).error).toBeNull();
});

const spec = runSpecSchema.parse({ name: 'a b', sql: 'SELECT * FROM images', copies: 3 });

const execution = {
  runId: 'abc',
  plannedMs: 1000,
  sourceTable: 'images',
  sourceVersion: 0,
  rowCount: 10,
  shardCount: 2,
  run: spec,
  model: { name: 'tiny', sha256: 'ff', isTrained: false, path: '/srv/lake/models/tiny' },
};

const status = {
  execution,
  state: 'unfinished',
  imageCount: 5,
  errorCount: 1,
  retryCount: 4,
  finishedShardCount: 1,
};

const told = {
  name: 'a b',
  state: 'running',
  isRetrying: true,
  submission: undefined,
  live: undefined,
} as const;

test('a run that has a plan says what of it is done', () => {
  expect(resourceOf({ ...told, status })).toEqual({
    id: 'a b',
    state: 'running',
    spec,
    submittedAt: null,
    startedAt: '1970-01-01T00:00:01.000Z',
    finishedAt: null,
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
    output: null,
    links: { self: '/v1/runs/a%20b', events: '/v1/runs/a%20b/events', manifest: '/v1/runs/a%20b/manifest' },
  });
  const { model: _model, ...plain } = execution;
  expect(resourceOf({ ...told, status: { ...status, execution: plain } }).model).toBeNull();
});

test('what runs counts too, unless more was counted before', () => {
  const countsOf = (live: object): unknown => {
    const { imageCount, errorCount } = resourceOf({ ...told, status, live });
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
  expect(resourceOf(bare)).toMatchObject({
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
  expect(resourceOf(bare).error).not.toHaveProperty('remedy');
  expect(resourceOf({ ...bare, live: { imageCount: 0, errorCount: 0 } }).error).toBeNull();
  expect(resourceOf({ ...bare, submission: { ...submission, state: 'accepted' } }).error).toBeNull();
  expect(resourceOf({ ...bare, submission: undefined }).spec).toEqual({});
});

describe('the times of a run', () => {
  const timesOf = (run: object): unknown[] => {
    const { submittedAt, startedAt, finishedAt } = resourceOf({ ...told, ...run });
    return [submittedAt, startedAt, finishedAt].map((time) => (time === null ? null : Date.parse(time)));
  };
  const submitted = { run: spec, submittedMs: 500, state: 'accepted' };
  const done = { ...status, state: 'finished', finishedMs: 2000 };

  test.each<[string, object, unknown[]]>([
    ['waits', { state: 'queued', submission: submitted, status: undefined }, [500, null, null]],
    ['runs', { state: 'running', submission: submitted, status }, [500, 1000, null]],
    [
      'has finished',
      { state: 'finished', submission: { ...submitted, state: 'finished', endedMs: 2500 }, status: done },
      [500, 1000, 2000],
    ],
    [
      'has finished without a service',
      { state: 'finished', submission: undefined, status: done },
      [null, 1000, 2000],
    ],
    [
      'was finished by an older version',
      { state: 'finished', submission: undefined, status: { ...done, finishedMs: undefined } },
      [null, 1000, null],
    ],
    [
      'has finished in another lake',
      {
        state: 'finished',
        isElsewhere: true,
        submission: { ...submitted, state: 'finished', endedMs: 2500 },
        status: undefined,
      },
      [500, null, 2500],
    ],
    [
      'has failed without a plan',
      { state: 'failed', submission: { ...submitted, state: 'failed', endedMs: 700 }, status: undefined },
      [500, null, 700],
    ],
    [
      'was cancelled',
      { state: 'cancelled', submission: { ...submitted, state: 'cancelled', endedMs: 1700 }, status },
      [500, 1000, 1700],
    ],
    [
      'was cancelled by nobody knows whom',
      { state: 'cancelled', submission: undefined, status },
      [null, 1000, null],
    ],
    ['was interrupted', { state: 'interrupted', submission: submitted, status }, [500, 1000, null]],
    [
      'waits again after it had finished',
      { state: 'queued', submission: { ...submitted, submittedMs: 3000 }, status: done },
      [3000, null, null],
    ],
    ['has just finished', { state: 'running', submission: submitted, status: done }, [500, 1000, null]],
  ])('that %s', (_name, run, times) => {
    expect(timesOf(run)).toEqual(times);
  });
});

test('the output of a run is where its results are, unless they are in another lake', () => {
  const done = { ...status, state: 'finished', folder: 'runs/a b/run_id=abc' };
  const finished = { ...told, name: 'a-b', state: 'finished', status: done };
  expect(resourceOf(finished).output).toEqual({
    table: 'runs."a-b"',
    errors: 'errors."a-b"',
    folder: 'runs/a b/run_id=abc',
    manifest: '/v1/runs/a-b/manifest',
    images: '/v1/runs/a-b/images/{image_key}',
  });
  expect(resourceOf({ ...finished, isElsewhere: true }).output).toBeNull();
  expect(resourceOf({ ...finished, state: 'running' }).output).toBeNull();
  expect(resourceOf({ ...finished, status: undefined }).output).toBeNull();
});

test.each([
  ['tiny', 'tiny'],
  ['/home/me/models/x.onnx', 'x.onnx'],
])('a model %s is shown as %s, and a folder that a run writes to by its name', (model, shown) => {
  const run = runSpecSchema.parse({ name: 'r', sql: 'SELECT 1', model, output: '/srv/other lake' });
  const { spec: shownSpec } = resourceOf({
    state: 'failed',
    submission: { run, submittedMs: 0, state: 'failed' },
  });
  expect(shownSpec).toEqual({ ...run, model: shown, output: 'other lake' });
  const remote = { ...run, output: 's3://bucket/lake' };
  expect(resourceOf({ submission: { run: remote, submittedMs: 0 } }).spec['output']).toBe('s3://bucket/lake');
});
