import { availableParallelism } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { parseConfig } from '../../src/lakehouse/parse-config.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

describe('parseConfig', () => {
  it('fills in what is left out', () => {
    expect(parseConfig({}, {})).toEqual({ lake: 'lake', s3: {}, workers: availableParallelism() });
    expect(parseConfig({}, { PIXLAKE_LAKE: '', PIXLAKE_WORKERS: '' }).lake).toBe('lake');
  });

  it('takes variables, and settings before them', () => {
    const env = { PIXLAKE_LAKE: 's3://bucket/lake', PIXLAKE_WORKERS: '3' };
    expect(parseConfig({}, env)).toMatchObject({ lake: 's3://bucket/lake', workers: 3 });
    const s3 = { region: 'eu-west-1' };
    expect(parseConfig({ lake: 'other', workers: 1, s3 }, env)).toEqual({ lake: 'other', workers: 1, s3 });
  });

  it.each<[env: NodeJS.ProcessEnv, named: string]>([
    [{ PIXLAKE_WORKERS: 'abc' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_WORKERS: '0' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_WORKERS: '-1' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_WORKERS: '2.5' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_WORKERS: '1e2' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_WORKERS: 'a2' }, 'PIXLAKE_WORKERS is not a whole number of at least 1: a2'],
    [{ PIXLAKE_WORKERS: '2a' }, 'PIXLAKE_WORKERS'],
    [{ PIXLAKE_LAKE: '  ' }, 'lake'],
    [{ PIXLAKE_S3_READER: 'fast' }, 'S3 reader'],
    [{ PIXLAKE_CACHE_BYTES: 'all' }, 'PIXLAKE_CACHE_BYTES'],
    [{ AWS_ENDPOINT_URL: 'localhost' }, 'endpoint'],
  ])('refuses %o by its name', (env, named) => {
    expect(() => parseConfig({}, env)).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_INVALID',
        message: expect.stringContaining(named) as string,
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d workers', (workers) => {
    expect(() => openLakehouse({ workers })).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_INVALID',
        message: `workers is not a whole number of at least 1: ${workers}`,
        remedy: expect.stringContaining('one per core') as string,
      }),
    );
  });

  it('a variable that is none ends a command', async () => {
    vi.stubEnv('PIXLAKE_WORKERS', 'abc');
    const { code, stderr } = await pixlake(await makeTestFolder(), 'tables');
    vi.unstubAllEnvs();
    expect(code).toBe(2);
    expect(stderr).toContain('PIXLAKE_WORKERS');
  });
});
