import type { FileStats, PartitionValues } from './delta-actions.ts';
import { type DeltaField, type DeltaType, isIntegerType } from './delta-schema.ts';
import type { Literal } from './file-predicate.ts';

/** A bound of a column's values. With `isExact`, the bound is itself one of the values, to the last digit. */
export interface Bound {
  readonly value: number | string;
  readonly isExact: boolean;
}

/** What is known about one column of one data file; `undefined` means unknown. */
export interface ColumnBounds {
  readonly min: Bound | undefined;
  readonly max: Bound | undefined;
  /** Whether some row has null in the column. */
  readonly hasNulls: boolean | undefined;
  /** Whether some row has a value in the column. */
  readonly hasValues: boolean | undefined;
}

const UNKNOWN: ColumnBounds = { min: undefined, max: undefined, hasNulls: undefined, hasValues: undefined };

/** The kind of literal that a column of this type may be compared with; `undefined` if its statistics are useless. */
export function literalKindOf(type: DeltaType): Literal['kind'] | undefined {
  // The decimal text of a float is not its value: 0.7 means 0.69999999.
  if (isIntegerType(type) || type === 'double') return 'number';
  if (typeof type === 'string' && type.startsWith('decimal')) return 'number';
  if (type === 'timestamp' || type === 'timestamp_ntz') return 'timestamp';
  return type === 'string' || type === 'date' || type === 'boolean' ? type : undefined;
}

/** Bounds of a partition column: all rows of a file have the same value. */
export function partitionBounds(field: DeltaField, values: PartitionValues): ColumnBounds {
  const text = values[field.name] ?? null;
  // In the protocol an empty text is null for every type (PROTOCOL.md, "Partition Value Serialization").
  if (text === null || text === '')
    return { min: undefined, max: undefined, hasNulls: true, hasValues: false };
  const value = parsePartitionValue(field.type, text);
  if (value === undefined) return { ...UNKNOWN, hasNulls: false, hasValues: true };
  const min = { value, isExact: isExact(field.type, value) };
  const max = literalKindOf(field.type) === 'timestamp' ? { value: Number(value) + 1, isExact: false } : min;
  return { min, max, hasNulls: false, hasValues: true };
}

function parsePartitionValue(type: DeltaType, text: string): number | string | undefined {
  switch (literalKindOf(type)) {
    case 'number':
      return toNumber(Number(text));
    case 'boolean':
      return text === 'true' || text === 'false' ? text : undefined;
    case 'timestamp':
      return parseTimestamp(text);
    case 'date':
      return toDate(text);
    case 'string':
      return text;
    default:
      return undefined;
  }
}

/** Bounds of a column that is stored in the data file, from the file's statistics. */
export function statisticsBounds(field: DeltaField, stats: FileStats): ColumnBounds {
  const nulls = stats.tightBounds === false ? undefined : stats.nullCount?.[field.name];
  const rows = stats.numRecords;
  return {
    min: toBound(field.type, stats.minValues?.[field.name], 0),
    max: toBound(field.type, stats.maxValues?.[field.name], 1),
    hasNulls: typeof nulls === 'number' ? nulls > 0 : undefined,
    hasValues: typeof nulls === 'number' && typeof rows === 'number' ? nulls < rows : undefined,
  };
}

/** Decimals with more digits lose some as a double, and some writers convert bounds to doubles. */
const MAX_DECIMAL_DIGITS = 15;

/** Whether values of a type may have more digits than a double holds. */
export function isWideDecimal(type: DeltaType): boolean {
  const precision = typeof type === 'string' ? /^decimal\(\s*(\d+)/u.exec(type)?.[1] : undefined;
  return Number(precision) > MAX_DECIMAL_DIGITS;
}

/** Timestamps in statistics are cut to milliseconds, so the greatest value may be up to `slackMs` higher. */
function toBound(type: DeltaType, json: unknown, slackMs: number): Bound | undefined {
  switch (literalKindOf(type)) {
    case 'number': {
      const value = typeof json === 'number' && !isWideDecimal(type) ? toNumber(json) : undefined;
      return value === undefined ? undefined : { value, isExact: isExact(type, value) };
    }
    case 'timestamp': {
      const value = typeof json === 'string' ? parseTimestamp(json) : undefined;
      return value === undefined ? undefined : { value: value + slackMs, isExact: false };
    }
    case 'date': {
      const value = typeof json === 'string' ? toDate(json) : undefined;
      return value === undefined ? undefined : { value, isExact: true };
    }
    case 'string':
      // Long texts are cut, and upper bounds are rounded up, so a bound need not be one of the values.
      return typeof json === 'string' ? { value: json, isExact: false } : undefined;
    default:
      return undefined;
  }
}

function toNumber(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function isExact(type: DeltaType, value: number | string): boolean {
  if (typeof value === 'string') return true;
  return isIntegerType(type) && Number.isSafeInteger(value);
}

function toDate(text: string): string | undefined {
  return /^\d{4}-\d{2}-\d{2}$/u.test(text) ? text : undefined;
}

/** Parses a timestamp as the log and SQL write it (UTC if it has no zone), rounded down to ms since 1970; `undefined` for other forms. */
export function parseTimestamp(text: string): number | undefined {
  const match =
    /^(?<date>\d{4}-\d{2}-\d{2})(?:[ T](?<time>\d{2}:\d{2}:\d{2})(?:\.(?<ms>\d{1,3})\d*)?(?:Z|[+]00(?::?00)?)?)?$/u.exec(
      text,
    )?.groups;
  if (match === undefined) return undefined;
  const ms = (match['ms'] ?? '').padEnd(3, '0');
  const value = Date.parse(`${match['date']}T${match['time'] ?? '00:00:00'}.${ms}Z`);
  return Number.isNaN(value) ? undefined : value;
}
