import { PixlakeError } from '../errors.ts';
import type { DatasetColumn, DatasetSchema } from './dataset-schema.ts';
import type { CsvRecord } from './read-csv.ts';

/** A value of a row in the type of its column. */
export type RowValue = string | number | bigint | boolean | null;

/** A row that matches its schema; `values` are in schema order. With `isRepaired`, extra commas were joined into the last column. */
export interface ParsedRow {
  readonly kind: 'row';
  readonly line: number;
  readonly values: readonly RowValue[];
  readonly isRepaired: boolean;
}

/** A row that does not match its schema, and why. */
export interface RejectedRow {
  readonly kind: 'reject';
  readonly line: number;
  readonly reason: string;
  readonly raw: string;
}

/** The position of the field in the file, for each column of a schema. */
export type HeaderPositions = readonly number[];

/** Finds each column of a schema in a header, in any order; other columns are not allowed. @throws `CSV_HEADER_INVALID` */
export function checkHeader(header: readonly string[], schema: DatasetSchema): HeaderPositions {
  const names = schema.columns.map(({ name }) => name);
  const missing = names.filter((name) => !header.includes(name));
  const unknown = header.filter((name, index) => !names.includes(name) || header.indexOf(name) !== index);
  if (missing.length > 0 || unknown.length > 0) {
    const problems = [
      ...(missing.length > 0 ? [`missing ${missing.join(', ')}`] : []),
      ...(unknown.length > 0 ? [`unknown or repeated ${unknown.join(', ')}`] : []),
    ];
    throw new PixlakeError(
      'CSV_HEADER_INVALID',
      `the header does not match schema ${schema.name}: ${problems.join('; ')}`,
      {
        remedy: 'name the right schema with --schema',
      },
    );
  }
  return names.map((name) => header.indexOf(name));
}

/**
 * The fields of a record, one for each of `fieldCount` columns. If the last column is text, extra commas have one obvious meaning: they
 * belong to it. Its text is then exactly what was written.
 */
export function fitFields(
  record: CsvRecord,
  fieldCount: number,
  isLastText: boolean,
): { readonly fields: readonly string[]; readonly isRepaired: boolean } | { readonly reason: string } {
  const { split, raw } = record;
  if ('reason' in split) return split;
  const { fields, starts } = split;
  if (fields.length === fieldCount) return { fields, isRepaired: false };
  if (fields.length < fieldCount) return { reason: `${fields.length} fields instead of ${fieldCount}` };
  if (!isLastText) {
    return {
      reason: `${fields.length} fields instead of ${fieldCount}, and the last column is not text, which could contain commas`,
    };
  }
  return {
    fields: [...fields.slice(0, fieldCount - 1), raw.slice(starts[fieldCount - 1])],
    isRepaired: true,
  };
}

/** The text of a field; null if it is empty or `NA`. */
export function toText(field: string): string | null {
  const text = field.trim();
  return text === '' || text === 'NA' ? null : text;
}

/** Validates a record against a schema: trims values, reads nulls, converts types, checks ranges and ids. */
export function parseRow(
  record: CsvRecord,
  schema: DatasetSchema,
  positions: HeaderPositions,
): ParsedRow | RejectedRow {
  const { line, raw } = record;
  const reject = (reason: string): RejectedRow => ({ kind: 'reject', line, reason, raw });
  const last = schema.columns[positions.indexOf(positions.length - 1)];
  const fitted = fitFields(record, positions.length, last?.type === 'VARCHAR');
  if ('reason' in fitted) return reject(fitted.reason);
  const values: RowValue[] = [];
  for (const [index, column] of schema.columns.entries()) {
    const text = toText(fitted.fields[positions[index] ?? 0] ?? '');
    const isId = column.name === schema.idColumn;
    if (text === null && (column.required || isId)) return reject(`${column.name} is empty`);
    const problem = isId && text !== null ? findIdProblem(text) : undefined;
    if (problem !== undefined)
      return reject(`${column.name} ${JSON.stringify(text?.slice(0, 60))} ${problem}`);
    const value = text === null ? null : convert(text, column);
    if (value === undefined)
      return reject(`${column.name} ${JSON.stringify(text?.slice(0, 60))} is not ${describe(column)}`);
    values.push(value);
  }
  return { kind: 'row', line, values, isRepaired: fitted.isRepaired };
}

/** Ids appear in lists, logs and URLs. */
function findIdProblem(id: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what must be refused
  return /[\u0000-\u001f\u007f-\u009f]/u.test(id) ? 'contains a control character' : undefined;
}

const INT64_MAX = 2n ** 63n - 1n;

function convert(text: string, column: DatasetColumn): RowValue | undefined {
  switch (column.type) {
    case 'VARCHAR':
      return text;
    case 'BOOLEAN': {
      const folded = text.toLowerCase();
      return folded === 'true' ? true : folded === 'false' ? false : undefined;
    }
    case 'DOUBLE': {
      const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(value) && isInRange(value, column) ? value : undefined;
    }
    case 'INTEGER':
    case 'BIGINT': {
      if (!/^[+-]?\d{1,19}$/u.test(text)) return undefined;
      const value = BigInt(text.replace(/^\+/u, ''));
      if (column.type === 'BIGINT') {
        return value <= INT64_MAX && value >= -INT64_MAX - 1n && isInRange(Number(value), column)
          ? value
          : undefined;
      }
      const small = Number(value);
      return Math.trunc(small) === (small | 0) && isInRange(small, column) ? small : undefined;
    }
  }
}

function isInRange(value: number, { min, max }: DatasetColumn): boolean {
  return value >= (min ?? Number.NEGATIVE_INFINITY) && value <= (max ?? Number.POSITIVE_INFINITY);
}

function describe({ type, min, max }: DatasetColumn): string {
  const kind = type === 'BOOLEAN' ? 'true or false' : type === 'DOUBLE' ? 'a number' : 'a whole number';
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} of at least ${min}`;
  return max === undefined ? kind : `${kind} of at most ${max}`;
}
