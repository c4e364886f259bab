import { join, relative } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ErrorLimitSpec, parseErrorLimit } from '../error-limit.ts';
import { messageOf, PixlakeError } from '../errors.ts';
import { type Lakehouse, openLakehouse } from '../lakehouse.ts';
import { type S3Options, S3_READERS } from '../storage/s3-options.ts';

/** Options of every command on a lake. */
export interface LakeOptions {
  readonly lake?: string;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly s3Reader?: S3Options['reader'];
  readonly workers?: number;
  readonly json?: boolean;
}

/** Adds the options of every command on a lake. */
export function withLakeOptions(command: Command): Command {
  return withStoreOptions(command).option('--json', 'print one JSON document instead of text');
}

/** Adds the options that locate the lake. */
export function withStoreOptions(command: Command): Command {
  return command
    .option(
      '--lake <uri>',
      'root of the lake: a folder or s3://bucket/prefix (default: $PIXLAKE_LAKE or "lake")',
    )
    .option('--endpoint-url <url>', 'URL of an S3 server other than AWS (default: $AWS_ENDPOINT_URL)')
    .option('--region <name>', 'region of the bucket (default: $AWS_REGION)')
    .addOption(
      new Option('--s3-reader <way>', 'how SQL reads S3 (default: $PIXLAKE_S3_READER or auto)').choices(
        S3_READERS,
      ),
    );
}

/** Opens the lake of the options. */
export function openLake(options: LakeOptions): Lakehouse {
  return openLakehouse({
    s3: s3Options(options),
    ...(options.lake === undefined ? {} : { lake: options.lake }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  });
}

/** S3 settings of the options. */
export function s3Options({ endpointUrl, region, s3Reader }: LakeOptions): S3Options {
  return {
    ...(endpointUrl === undefined ? {} : { endpointUrl }),
    ...(region === undefined ? {} : { region }),
    ...(s3Reader === undefined ? {} : { reader: s3Reader }),
  };
}

/** Parses a whole number from a command line, at least `min`. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/u.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`expected a whole number of at least ${min}.`);
  };
}

/** Parses a number from a command line. */
export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number.');
}

const DURATION_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Parses a duration such as `90s`, `30m`, `12h`, `7d` or `2w` to ms. */
export function duration(text: string): number {
  const { count, unit } = /^(?<count>\d+(?:\.\d+)?)(?<unit>[smhdw])$/iu.exec(text.trim())?.groups ?? {};
  const unitMs = DURATION_MS[unit?.toLowerCase() ?? ''];
  if (count !== undefined && unitMs !== undefined) return Number(count) * unitMs;
  throw new InvalidArgumentError('expected a duration such as 12h or 7d.');
}

const SIZE_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Parses a size such as `64MB` or `1GiB` to bytes. Both units are powers of 1024. */
export function byteSize(text: string): number {
  const { count, unit } =
    /^(?<count>\d+(?:\.\d+)?)\s*(?<unit>[kmg]?)(?:i?b)?$/iu.exec(text.trim())?.groups ?? {};
  const bytes = Math.round(Number(count) * (SIZE_BYTES[unit?.toLowerCase() ?? ''] ?? Number.NaN));
  if (bytes >= 1) return bytes;
  throw new InvalidArgumentError('expected a size such as 64MB or 1GB.');
}

/** Parses a limit of errors: a number, or a percentage such as `1%`. */
export function errorLimit(text: string): ErrorLimitSpec {
  try {
    const { kind, value } = parseErrorLimit(text);
    return kind === 'count' ? value : `${value}%`;
  } catch (error) {
    throw new InvalidArgumentError(`${messageOf(error)}; give a whole number, or a percentage such as 1%.`);
  }
}

/** Parses a comma-separated list of names. */
export function nameList(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Path of an object of a lake, relative to the current folder if possible. */
export function shortPath(lakeUri: string, key: string): string {
  if (lakeUri.includes('://')) return `${lakeUri}/${key}`;
  const path = join(lakeUri, key);
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

/** Prints lines of text on standard output. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Prints one JSON document on standard output; 64-bit integers as numbers. */
export function printJson(value: unknown): void {
  const numbers = (_key: string, field: unknown): unknown =>
    typeof field === 'bigint' ? Number(field) : field;
  process.stdout.write(`${JSON.stringify(value, numbers, 2)}\n`);
}

/** Prints an error on standard error: as text with its remedy, or as one line of JSON. */
export function printError(error: PixlakeError, asJson: boolean): void {
  const { code, message, remedy } = error;
  if (asJson) {
    process.stderr.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
    return;
  }
  process.stderr.write(`pixlake: ${message} [${code}]\n`);
  if (remedy !== undefined) process.stderr.write(`         ${remedy}\n`);
}

/**
 * Runs work that Ctrl-C (or SIGTERM) stops cleanly. The first signal aborts, a second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write('\npixlake: stopping; press Ctrl-C again to stop at once\n');
    controller.abort(new PixlakeError('INTERRUPTED', 'stopped before the end; nothing was committed'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
