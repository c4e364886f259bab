import { homedir } from 'node:os';
import { join } from 'node:path';
import { PixlakeError } from '../errors.ts';

/** How DuckDB reads data files on S3; see `duckdb/object-locator.ts`. */
export const S3_READERS = ['auto', 'httpfs', 'cache'] as const;

/** See {@link S3_READERS}. */
export type S3Reader = (typeof S3_READERS)[number];

/** Untrusted options for S3; plain data that can be sent to other threads. What is left out comes from the environment. */
export interface S3Options {
  /** URL of a server that is not AWS, such as `http://127.0.0.1:9000`; `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL` by default. */
  readonly endpointUrl?: string;
  /** `AWS_REGION`, the profile's or `us-east-1` by default. */
  readonly region?: string;
  /** Whether the bucket is part of the path and not of the host name; by default only if there is an endpoint. */
  readonly isPathStyle?: boolean;
  /** How SQL reads S3; `PIXLAKE_S3_READER` or `auto` by default. */
  readonly reader?: S3Reader;
  /** File of DuckDB's httpfs extension; `PIXLAKE_HTTPFS` by default, else the folder where DuckDB keeps its extensions. */
  readonly httpfsPath?: string;
  /** Folder for cached data files and temporary ones; `PIXLAKE_CACHE` or `~/.cache/pixlake` by default. */
  readonly cacheDir?: string;
  /** Maximum size of the cache in bytes; `PIXLAKE_CACHE_BYTES` or 10 GiB by default. */
  readonly cacheBytes?: number;
}

/** {@link S3Options} with all defaults filled in. What stays `undefined` is left to the AWS SDK, which reads its own configuration files. */
export interface S3Settings {
  readonly endpointUrl: string | undefined;
  readonly region: string | undefined;
  readonly isPathStyle: boolean;
  readonly reader: S3Reader;
  readonly httpfsPath: string | undefined;
  readonly cacheDir: string;
  readonly cacheBytes: number;
}

const DEFAULT_CACHE_BYTES = 10 * 1024 ** 3;

/** Checks the options and fills in the defaults. @throws `ARGUMENT_INVALID` naming the option or variable */
export function resolveS3(options: S3Options, env: NodeJS.ProcessEnv = process.env): S3Settings {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const endpointUrl = options.endpointUrl ?? given('AWS_ENDPOINT_URL_S3') ?? given('AWS_ENDPOINT_URL');
  if (endpointUrl !== undefined && !isHttpUrl(endpointUrl))
    throw invalid(`the S3 endpoint ${endpointUrl} is not a URL such as https://s3.example.com`);
  const reader = options.reader ?? given('PIXLAKE_S3_READER') ?? 'auto';
  const known = S3_READERS.find((name) => name === reader);
  if (known === undefined) throw invalid(`unknown S3 reader ${reader}; use one of: ${S3_READERS.join(', ')}`);
  const cacheBytes = options.cacheBytes ?? Number(given('PIXLAKE_CACHE_BYTES') ?? DEFAULT_CACHE_BYTES);
  if (!(Number.isSafeInteger(cacheBytes) && cacheBytes >= 0))
    throw invalid(`PIXLAKE_CACHE_BYTES is not a whole number of bytes: ${env['PIXLAKE_CACHE_BYTES']}`);
  const cacheHome = given('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return {
    endpointUrl,
    region: options.region,
    isPathStyle: options.isPathStyle ?? endpointUrl !== undefined,
    reader: known,
    httpfsPath: options.httpfsPath ?? given('PIXLAKE_HTTPFS'),
    cacheDir: options.cacheDir ?? given('PIXLAKE_CACHE') ?? join(cacheHome, 'pixlake'),
    cacheBytes,
  };
}

function isHttpUrl(text: string): boolean {
  try {
    return /^https?:$/u.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

function invalid(message: string): PixlakeError {
  return new PixlakeError('ARGUMENT_INVALID', message);
}
