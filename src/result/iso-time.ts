import type { DuckDBDateValue } from '@duckdb/node-api';

/** JavaScript's `Date` covers this many days on either side of 1970 (ECMA-262, "Time Values"); DuckDB's dates have a wider range. */
const MAX_DATE_DAYS = 100_000_000;
const MS_PER_DAY = 86_400_000;

/** ISO 8601 text of a date, as `2024-02-29`; `infinity`, `-infinity` and years beyond ±271,821 are given in DuckDB's own text. */
export function isoDate(value: DuckDBDateValue): string {
  // DuckDBDateValue.toString() prints the two infinities as distant days.
  if (!value.isFinite) return value.days > 0 ? 'infinity' : '-infinity';
  if (Math.abs(value.days) > MAX_DATE_DAYS) return value.toString();
  const text = new Date(value.days * MS_PER_DAY).toISOString();
  return text.slice(0, text.indexOf('T'));
}

/**
 * ISO 8601 text of a timestamp, as `2024-02-29T12:30:00.5` followed by `zone`, without trailing zeros in the fraction;
 * infinities and years beyond ±271,821 are given in DuckDB's own text.
 *
 * @param ticks time since 1970, `ticksPerSecond` of them to the second
 * @param zone `Z` for an instant, empty for a local time without zone
 */
export function isoTimestamp(
  value: { toString(): string },
  ticks: bigint,
  ticksPerSecond: bigint,
  zone: '' | 'Z' = '',
): string {
  const fraction = ((ticks % ticksPerSecond) + ticksPerSecond) % ticksPerSecond;
  const seconds = Number((ticks - fraction) / ticksPerSecond);
  if (Math.abs(seconds) > (MAX_DATE_DAYS * MS_PER_DAY) / 1000) return value.toString();
  const wholeSeconds = new Date(seconds * 1000).toISOString().slice(0, -'.000Z'.length);
  if (fraction === 0n) return wholeSeconds + zone;
  const digits = String(ticksPerSecond + fraction).slice(1);
  return `${wholeSeconds}.${digits.replace(/0+$/u, '')}${zone}`;
}
