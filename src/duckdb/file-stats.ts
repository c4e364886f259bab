import type { FileStats } from '../table/delta-actions.ts';
import { type DeltaStruct, type DeltaType, isIntegerType } from '../table/delta-schema.ts';
import { parseTimestamp } from '../table/column-bounds.ts';
import { lowerBoundOf, upperBoundOf } from '../table/stat-text.ts';
import { quoteName } from '../sql/sql-text.ts';

/** Column statistics of DuckDB's `COPY … (RETURN_STATS)`: a map from quoted column path to a map of texts. */
export type ReturnedStatistics = readonly {
  readonly key: string;
  readonly value: readonly { readonly key: string; readonly value: string }[];
}[];

type WholeFileStats = Required<Omit<FileStats, 'tightBounds'>>;

const FLOATS = new Set<DeltaType>(['float', 'double']);

/** Decimals with at most this many digits survive the conversion to a double and back. */
const EXACT_DIGITS = 15;

/**
 * Turns returned statistics into those of a Delta `add` action (PROTOCOL.md, "Per-file Statistics"): long texts are cut to shorter bounds,
 * timestamps to milliseconds. A bound is left out if JSON cannot hold it or readers interpret it differently (NaN, integers beyond 2^53,
 * nested and other types). That is always safe, because readers must then keep the file.
 */
export function toFileStats(
  schema: DeltaStruct,
  rowCount: number,
  returned: ReturnedStatistics,
): WholeFileStats {
  const byColumn = new Map(
    returned.map(({ key, value }) => [key, new Map(value.map((item) => [item.key, item.value]))]),
  );
  const minValues: Record<string, unknown> = {};
  const maxValues: Record<string, unknown> = {};
  const nullCount: Record<string, number> = {};
  for (const field of schema.fields) {
    const column = byColumn.get(quoteName(field.name));
    if (column === undefined) continue;
    const nulls = column.get('null_count');
    if (nulls !== undefined) nullCount[field.name] = Number(nulls);
    const min = toBound(field.type, column.get('min'), 'lower');
    const max = toBound(field.type, column.get('max'), 'upper');
    if (column.get('has_nan') === 'true' || min === undefined || max === undefined) continue;
    minValues[field.name] = min;
    maxValues[field.name] = max;
  }
  return { numRecords: rowCount, minValues, maxValues, nullCount };
}

function toBound(
  type: DeltaType,
  text: string | undefined,
  side: 'lower' | 'upper',
): number | string | undefined {
  if (text === undefined) return undefined;
  if (isIntegerType(type)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  if (FLOATS.has(type)) return toFloatBound(Number(text), side);
  // Years before 1 and after 9999, and infinity, have no form that every reader knows.
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/u.test(text) ? text : undefined;
  if (type === 'timestamp' || type === 'timestamp_ntz') return toTimestampBound(type, text, side);
  if (type === 'string') return toTextBound(text, side);
  if (typeof type === 'string' && type.startsWith('decimal')) {
    return text.replaceAll(/\D/gu, '').length <= EXACT_DIGITS ? Number(text) : undefined;
  }
  return undefined;
}

function toFloatBound(value: number, side: 'lower' | 'upper'): number | undefined {
  if (value !== 0) return Number.isFinite(value) ? value : undefined;
  // DuckDB treats both zeros as equal, but some readers order them, so each bound is the outer one.
  return side === 'lower' ? -0 : 0;
}

function toTimestampBound(type: DeltaType, text: string, side: 'lower' | 'upper'): string | undefined {
  const floorMs = parseTimestamp(text);
  if (floorMs === undefined) return undefined;
  const isCut = /\.\d{3}\d*[1-9]/u.test(text);
  const iso = new Date(floorMs + (isCut && side === 'upper' ? 1 : 0)).toISOString();
  return type === 'timestamp' ? iso : iso.replace('Z', '');
}

function toTextBound(text: string, side: 'lower' | 'upper'): string | undefined {
  // DuckDB cuts by bytes. If that split a character, the text is not a valid bound.
  if (text.includes('\uFFFD')) return undefined;
  return side === 'lower' ? lowerBoundOf(text) : upperBoundOf(text);
}

/** The text of statistics in an `add` action: JSON that keeps negative zero, which `JSON.stringify` does not. */
export function stringifyFileStats({ minValues, ...rest }: WholeFileStats): string {
  const bounds = Object.entries(minValues).map(
    ([name, value]) => `${JSON.stringify(name)}:${Object.is(value, -0) ? '-0.0' : JSON.stringify(value)}`,
  );
  return `${JSON.stringify(rest).slice(0, -1)},"minValues":{${bounds.join(',')}}}`;
}
