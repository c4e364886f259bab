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
