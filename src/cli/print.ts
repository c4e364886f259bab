import { join, relative } from 'node:path';
import type { PixlakeError } from '../errors.ts';

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
