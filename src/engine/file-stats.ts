import type { FileStats } from '../table/delta-actions.ts';
import type { DeltaStruct, DeltaType } from '../table/delta-schema.ts';
import { quoteName } from './sql-text.ts';

/** Column statistics as DuckDB's `COPY … (RETURN_STATS)` gives them: a map from quoted column path to a map of texts. */
export type ReturnedStatistics = readonly {
  readonly key: string;
  readonly value: readonly { readonly key: string; readonly value: string }[];
}[];

const INTEGERS = new Set<DeltaType>(['byte', 'short', 'integer', 'long']);
const FLOATS = new Set<DeltaType>(['float', 'double']);

/** Longer texts would swell the log; without a bound the file is simply never pruned by that column. */
const MAX_TEXT_LENGTH = 256;

/**
 * Turns returned statistics into those of a Delta `add` action. A bound is left out wherever it could not be exact (NaN, integers
 * beyond 2^53, long texts, nested and other types), which is always safe: readers must then keep the file.
 */
export function toFileStats(schema: DeltaStruct, rowCount: number, returned: ReturnedStatistics): FileStats {
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
    const min = toBound(field.type, column.get('min'));
    const max = toBound(field.type, column.get('max'));
    if (column.get('has_nan') === 'true' || min === undefined || max === undefined) continue;
    minValues[field.name] = min;
    maxValues[field.name] = max;
  }
  return { numRecords: rowCount, minValues, maxValues, nullCount };
}

function toBound(type: DeltaType, text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined;
  if (INTEGERS.has(type)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  if (FLOATS.has(type)) return Number.isFinite(Number(text)) ? Number(text) : undefined;
  // Years before 1 and after 9999 and infinity have no form that every reader knows.
  if (type === 'date') return /^\d{4}-\d{2}-\d{2}$/u.test(text) ? text : undefined;
  if (type === 'string') return text.length <= MAX_TEXT_LENGTH ? text : undefined;
  return undefined;
}
