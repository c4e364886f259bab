import { PixlakeError } from '../errors.ts';
import { parseTimestamp } from './column-bounds.ts';

/** A version of a table: by number, or the newest one at a time in ms since 1970. */
export type AsOf =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'time'; readonly timeMs: number };

/**
 * Parses a version (`3` or `v3`) or a time (ISO 8601; UTC if it has no zone).
 *
 * @throws `ARGUMENT_INVALID`
 */
export function parseAsOf(text: string): AsOf {
  const version = /^v?(?<version>\d{1,15})$/iu.exec(text.trim())?.groups?.['version'];
  if (version !== undefined) return { kind: 'version', version: Number(version) };
  const hasZone = /^\d{4}-\d{2}-\d{2}[ T][\d:.]+[+-]\d{2}:?\d{2}$/u.test(text.trim());
  const timeMs = parseTimestamp(text.trim()) ?? (hasZone ? Date.parse(text.trim()) : Number.NaN);
  if (!Number.isNaN(timeMs)) return { kind: 'time', timeMs };
  throw new PixlakeError('ARGUMENT_INVALID', `${JSON.stringify(text)} is neither a version nor a time`, {
    remedy: 'write a version such as 3, or a time such as 2026-01-31T12:00:00Z',
  });
}

/** As it is written after the name of a table: `v3` or the time in UTC. */
export function describeAsOf(asOf: AsOf): string {
  return asOf.kind === 'version' ? `v${asOf.version}` : new Date(asOf.timeMs).toISOString();
}
