import { availableParallelism } from 'node:os';
import { PixlakeError } from '../errors.ts';
import { resolveS3, type S3Options } from '../storage/s3-options.ts';

/** Untrusted settings of a lakehouse; what is left out comes from the environment. */
export interface LakehouseConfigSpec {
  /** Root of the lake: a folder or `s3://bucket/prefix`; `PIXLAKE_LAKE` or `lake` by default. */
  readonly lake?: string;
  /** How S3 is reached and read, for lakes and attached tables there. */
  readonly s3?: S3Options;
  /** Worker threads of a run; `PIXLAKE_WORKERS` or one for each core by default. */
  readonly workers?: number;
}

/** Settings of a lakehouse with all defaults filled in. */
export interface LakehouseConfig {
  readonly lake: string;
  readonly s3: S3Options;
  readonly workers: number;
}

/** The root of the lake if neither a setting nor the environment names one. */
const DEFAULT_LAKE = 'lake';

/** Checks all settings and fills in the defaults. @throws `ARGUMENT_INVALID` naming the setting or variable */
export function parseConfig(
  spec: LakehouseConfigSpec,
  env: NodeJS.ProcessEnv = process.env,
): LakehouseConfig {
  const s3 = spec.s3 ?? {};
  // Checked whatever the lake is, because attached tables and outputs may lie on S3.
  resolveS3(s3, env);
  const lake = spec.lake ?? given(env, 'PIXLAKE_LAKE') ?? DEFAULT_LAKE;
  if (lake.trim() === '') throw new PixlakeError('ARGUMENT_INVALID', 'the root of the lake is empty');
  return { lake, s3, workers: parseWorkers(spec.workers, given(env, 'PIXLAKE_WORKERS')) };
}

function given(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function parseWorkers(workers: number | undefined, text: string | undefined): number {
  if (workers === undefined && text === undefined) return availableParallelism();
  const count = workers ?? (/^\d+$/u.test(text ?? '') ? Number(text) : Number.NaN);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  const [name, value] = workers === undefined ? ['PIXLAKE_WORKERS', text] : ['workers', workers];
  throw new PixlakeError('ARGUMENT_INVALID', `${name} is not a whole number of at least 1: ${value}`, {
    remedy: 'give the number of worker threads, or leave it out to use one per core',
  });
}
