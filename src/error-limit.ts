import { PixlakeError } from './errors.ts';

/** How many errors work may have, as users write it: a number, or a percentage of all items such as `1%`. */
export type ErrorLimitSpec = number | `${number}%`;

/** How many errors work may have: a number, or a percentage of all items. */
export interface ErrorLimit {
  readonly kind: 'count' | 'percent';
  readonly value: number;
}

/** Reads how many errors are allowed, from a specification or a command line. @throws `ARGUMENT_INVALID` */
export function parseErrorLimit(spec: string | number): ErrorLimit {
  const { number, percent } =
    /^(?<number>\d+(?:\.\d+)?)(?<percent>%?)$/u.exec(String(spec).trim())?.groups ?? {};
  const value = Number(number ?? Number.NaN);
  if (percent === '%' && value <= 100) return { kind: 'percent', value };
  if (percent === '' && Number.isSafeInteger(value)) return { kind: 'count', value };
  throw new PixlakeError('ARGUMENT_INVALID', `${JSON.stringify(spec)} is not a limit of errors`, {
    remedy: 'give a whole number such as 100, or a percentage such as 1%',
  });
}

/** Whether there are more errors than a limit allows, among `totalCount` items. */
export function exceedsErrors(limit: ErrorLimit, errorCount: number, totalCount: number): boolean {
  if (limit.kind === 'count') return errorCount > limit.value;
  // In floating point, 0.57 times 100 is 56.99999999999999.
  return errorCount * 100 > Number((limit.value * totalCount).toPrecision(15));
}

/** A limit as users write it. */
export function describeErrorLimit({ kind, value }: ErrorLimit): string {
  return kind === 'count' ? String(value) : `${value}%`;
}
