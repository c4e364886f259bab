import {
  type Bound,
  type ColumnBounds,
  literalKindOf,
  parseTimestamp,
  partitionBounds,
  statisticsBounds,
} from './column-bounds.ts';
import type { FileStats } from './delta-actions.ts';
import type { DeltaField, DeltaType } from './delta-schema.ts';
import type { Comparison, FilePredicate, Literal } from './file-predicate.ts';
import { type DataFile, readStats, type Snapshot } from './snapshot.ts';

/** The part of a snapshot that is needed to read the partition values and statistics of its files. */
export type PruningSchema = Pick<Snapshot, 'schema' | 'partitionColumns'>;

/** The data files of a snapshot that may hold matching rows, in their order. */
export function pruneFiles(snapshot: Snapshot, predicate: FilePredicate): readonly DataFile[] {
  if (predicate.kind === 'any') return snapshot.files;
  return snapshot.files.filter((file) => fileMightMatch(snapshot, file, predicate));
}

/**
 * Whether a data file may hold a matching row. This is safe because the answer is no only if the partition value or the statistics
 * prove it: a row matches only if the whole predicate is true for it, bounds never exclude a value of the file, and if a bound is
 * missing, rounded, of another type than the literal or otherwise in doubt, the answer is yes.
 */
export function fileMightMatch(
  schema: PruningSchema,
  file: Pick<DataFile, 'partitionValues' | 'add'>,
  predicate: FilePredicate,
): boolean {
  let stats: FileStats | undefined;
  const boundsOf = (field: DeltaField): ColumnBounds => {
    if (schema.partitionColumns.includes(field.name)) return partitionBounds(field, file.partitionValues);
    stats ??= readStats(file);
    return statisticsBounds(field, stats);
  };
  const mightMatch = (part: FilePredicate): boolean => {
    switch (part.kind) {
      case 'any':
        return true;
      case 'none':
        return false;
      case 'and':
        return part.parts.every(mightMatch);
      case 'or':
        return part.parts.some(mightMatch);
      default: {
        // SQL ignores the case of names.
        const name = part.column.toLowerCase();
        const field = schema.schema.fields.find((candidate) => candidate.name.toLowerCase() === name);
        return field === undefined || columnMightMatch(field.type, boundsOf(field), part);
      }
    }
  };
  return mightMatch(predicate);
}

type ColumnPredicate = Extract<FilePredicate, { column: string }>;

function columnMightMatch(type: DeltaType, bounds: ColumnBounds, predicate: ColumnPredicate): boolean {
  switch (predicate.kind) {
    case 'isNull':
      return bounds.hasNulls ?? true;
    case 'isNotNull':
      return bounds.hasValues ?? true;
    case 'startsWith':
      if (bounds.hasValues === false) return false;
      return type !== 'string' || mightStartWith(bounds, predicate.prefix);
    case 'compare':
      // A comparison with null is never true.
      if (bounds.hasValues === false) return false;
      return mightCompare(type, bounds, predicate.comparison, predicate.literal);
  }
}

function mightStartWith({ min, max }: ColumnBounds, prefix: string): boolean {
  const isAbove = min !== undefined && compareValues(cut(min.value, prefix), prefix) > 0;
  const isBelow = max !== undefined && compareValues(cut(max.value, prefix), prefix) < 0;
  return !isAbove && !isBelow;
}

/** Cut to the length of the prefix in characters, which keeps the order of texts by code point. */
function cut(value: number | string, prefix: string): string {
  return Array.from(String(value)).slice(0, Array.from(prefix).length).join('');
}

function mightCompare(
  type: DeltaType,
  { min, max }: ColumnBounds,
  comparison: Comparison,
  literal: Literal,
): boolean {
  // Nothing is certain of what is unknown, so every file is kept.
  const wanted = toWanted(type, literal);
  // For DuckDB, NaN is greater than every number, and other writers leave it out of the bounds.
  const isTopKnown = type !== 'double';
  switch (comparison) {
    case '=':
      return !isLess(wanted, min) && !isLess(max, wanted);
    case '<':
      return !isLessOrEqual(wanted, min);
    case '<=':
      return !isLess(wanted, min);
    case '>':
      return !isTopKnown || !isLessOrEqual(max, wanted);
    case '>=':
      return !isTopKnown || !isLess(max, wanted);
    case '<>':
      return !isTopKnown || !(isEqual(min, wanted) && isEqual(max, wanted));
  }
}

/** The literal as a value of the column's type, as SQL casts it; `undefined` if SQL compares the two in another way. */
function toWanted(type: DeltaType, literal: Literal): Bound | undefined {
  const kind = literalKindOf(type);
  if (kind === 'timestamp' && (literal.kind === 'string' || literal.kind === 'date')) {
    const value = parseTimestamp(literal.value);
    return value === undefined ? undefined : { value, isExact: false };
  }
  if (kind === 'date' && literal.kind === 'string') {
    return /^\d{4}-\d{2}-\d{2}$/u.test(literal.value) ? { value: literal.value, isExact: true } : undefined;
  }
  if (kind !== literal.kind) return undefined;
  if (literal.kind === 'boolean') return { value: String(literal.value), isExact: true };
  // An integer in a double is exact. A fraction may have been rounded before.
  const isExact =
    literal.kind === 'number' ? Number.isSafeInteger(literal.value) : literal.kind !== 'timestamp';
  return { value: literal.value, isExact };
}

/** Whether `a` is certainly less than `b`. Rounding keeps the order, so different rounded values prove it. */
function isLess(a: Bound | undefined, b: Bound | undefined): boolean {
  return a !== undefined && b !== undefined && compareValues(a.value, b.value) < 0;
}

/** Whether `a` is certainly at most `b`. Equal values prove it only if neither was rounded. */
function isLessOrEqual(a: Bound | undefined, b: Bound | undefined): boolean {
  return isLess(a, b) || isEqual(a, b);
}

function isEqual(a: Bound | undefined, b: Bound | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.isExact && b.isExact && compareValues(a.value, b.value) === 0
  );
}

/** Compares numbers by size, and texts by code point as DuckDB and Parquet do, not by UTF-16 unit as JavaScript does. */
function compareValues(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
