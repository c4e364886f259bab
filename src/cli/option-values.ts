import { InvalidArgumentError } from 'commander';
import { type ErrorLimitSpec, parseErrorLimit } from '../error-limit.ts';
import { messageOf } from '../errors.ts';

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
