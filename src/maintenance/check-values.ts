import { quoteName, quoteText } from '../sql/sql-text.ts';
import { duckDbTypeOf } from '../duckdb/column-type.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { isWideDecimal } from '../table/column-bounds.ts';
import { type DeltaField, isIntegerType } from '../table/delta-schema.ts';
import { type DataFile, readStats, type SnapshotFiles } from '../table/snapshot.ts';

/** One claim of the statistics about a column: an SQL expression that counts violations, and the allowed count. */
interface Check {
  readonly count: string;
  readonly allowed: number;
  readonly describe: (count: number) => string;
}

/**
 * Reads all values of a data file and compares them with its statistics in the log: number of rows, nulls, and bounds.
 * Returns the differences.
 *
 * @throws `SQL_FAILED` for files that cannot be decoded, storage errors
 */
export async function checkValues(
  db: DuckDb,
  store: ObjectStore,
  snapshot: SnapshotFiles,
  file: DataFile,
): Promise<string[]> {
  const stored = snapshot.schema.fields.filter(({ name }) => !snapshot.partitionColumns.includes(name));
  const { nullCount, minValues, maxValues, tightBounds } = readStats(file);
  const checks = stored.flatMap((field) =>
    listChecks(field, `r.${quoteName(field.name)}`, field.name, {
      nulls: tightBounds === false ? undefined : nullCount?.[field.name],
      min: minValues?.[field.name],
      max: maxValues?.[field.name],
    }),
  );
  const rows = await selectSnapshot(db, store, { ...snapshot, files: [file] });
  // Hashing needs every value, so each page is decoded.
  const counts = ['bit_xor(hash(r))', ...checks.map(({ count }, index) => `${count} AS c${index}`)];
  const [found] = await db.rows<Record<string, bigint>>(`SELECT ${counts.join(', ')} FROM (${rows}) AS r`);
  return checks.flatMap(({ allowed, describe }, index) => {
    const count = Number(found?.[`c${index}`]);
    return count === allowed ? [] : [describe(count)];
  });
}

interface ColumnStats {
  readonly nulls: unknown;
  readonly min: unknown;
  readonly max: unknown;
}

function listChecks({ type }: DeltaField, value: string, name: string, stats: ColumnStats): Check[] {
  if (typeof type !== 'string') {
    if (type.type !== 'struct') return nullChecks(value, name, stats.nulls);
    return type.fields.flatMap((field) =>
      listChecks(field, `${value}.${quoteName(field.name)}`, `${name}.${field.name}`, {
        nulls: partOf(stats.nulls, field.name),
        min: partOf(stats.min, field.name),
        max: partOf(stats.max, field.name),
      }),
    );
  }
  return [
    ...nullChecks(value, name, stats.nulls),
    ...boundChecks(
      belowMinimum(type, value, stats.min),
      `${name} holds`,
      `below ${JSON.stringify(stats.min)}`,
    ),
    ...boundChecks(
      aboveMaximum(type, value, stats.max),
      `${name} holds`,
      `above ${JSON.stringify(stats.max)}`,
    ),
  ];
}

function partOf(stats: unknown, name: string): unknown {
  return typeof stats === 'object' && stats !== null ? (stats as Record<string, unknown>)[name] : undefined;
}

function nullChecks(value: string, name: string, nulls: unknown): Check[] {
  if (typeof nulls !== 'number') return [];
  const describe = (count: number): string => `${name} has ${count} nulls, not ${nulls}`;
  return [{ count: `count(*) FILTER (WHERE ${value} IS NULL)`, allowed: nulls, describe }];
}

function boundChecks(condition: string | undefined, holds: string, where: string): Check[] {
  if (condition === undefined) return [];
  const describe = (count: number): string => `${holds} ${count} values ${where}, which contradicts the log`;
  return [{ count: `count(*) FILTER (WHERE ${condition})`, allowed: 0, describe }];
}

function belowMinimum(type: string, value: string, min: unknown): string | undefined {
  if (type === 'string') return typeof min === 'string' ? compareTexts(value, '<', min) : undefined;
  const bound = toBound(type, min);
  return bound && `${value} < ${bound}`;
}

/** Other writers leave NaN out of bounds and cut timestamps to milliseconds. */
function aboveMaximum(type: string, value: string, max: unknown): string | undefined {
  if (type === 'string') return typeof max === 'string' ? compareTexts(value, '>', max) : undefined;
  const bound = toBound(type, max);
  if (bound === undefined) return undefined;
  if (type.startsWith('timestamp')) return `${value} >= ${bound} + INTERVAL 1 MILLISECOND`;
  const isNumber = type === 'float' || type === 'double' ? ` AND NOT isnan(${value})` : '';
  return `${value} > ${bound}${isNumber}`;
}

/** Writers keep 32 characters of a long text, and some append another one to an upper bound. */
const KEPT_LENGTH = 31;

function compareTexts(value: string, operator: '<' | '>', bound: string): string {
  const characters = Array.from(bound);
  if (characters.length <= KEPT_LENGTH) {
    return `${value} ${operator} ${quoteText(bound)}`;
  }
  const beginning = quoteText(characters.slice(0, KEPT_LENGTH).join(''));
  return `left(${value}, ${KEPT_LENGTH}) ${operator} ${beginning}`;
}

/** A bound as SQL of the column's type; `undefined` if JSON did not keep it exactly or writers use different forms. */
function toBound(type: string, bound: unknown): string | undefined {
  const isFloat = type === 'float' || type === 'double';
  const isNumber = isFloat || type.startsWith('decimal') || isIntegerType(type);
  const isTime = type === 'date' || type.startsWith('timestamp');
  if (typeof bound !== (isNumber ? 'number' : 'string') || !(isNumber || isTime)) return undefined;
  const isRounded = isWideDecimal(type) || (isIntegerType(type) && !Number.isSafeInteger(bound));
  if (isRounded) return undefined;
  return `try_cast(${quoteText(String(bound))} AS ${duckDbTypeOf(type)})`;
}
