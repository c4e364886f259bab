import type { DuckDBDecimalValue, DuckDBType } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { isoDate, isoTimestamp } from './iso-time.ts';
import { type CommonLeaf, type PlainValue, textOf, type Tree } from './plain-value.ts';
import { readBigint, readingObject, type ValueReader } from './value-reader.ts';

/** How values are written that differ between forms. */
export interface ValueForm<Leaf> {
  /** An integer of 64 bits or more. */
  readonly integer: (value: bigint) => Leaf;
  /** A floating-point number, which may be NaN or infinite. */
  readonly float: (value: number) => Leaf;
  readonly bytes: (value: Uint8Array) => Leaf;
}

/** A decimal with up to this many significant digits survives as a double and prints as the same digits (IEEE 754, DBL_DIG). */
const EXACT_DIGITS = 15;
const MAX_EXACT_DECIMAL = 10n ** BigInt(EXACT_DIGITS);

/**
 * Builds the converter from values of a DuckDB type to JavaScript values of a form. SQL NULL is `null`. For all forms:
 *
 * | DuckDB | value |
 * | --- | --- |
 * | BOOLEAN, integers of up to 32 bits | boolean, number |
 * | DECIMAL | number up to 15 significant digits, beyond that a string |
 * | FLOAT | number with the shortest digits that identify it |
 * | DATE, TIMESTAMP | ISO 8601: `2024-02-29`, `2024-02-29T12:30:00.5`; TIMESTAMPTZ in UTC with `Z` |
 * | TIME, INTERVAL, UUID, ENUM, BIT and all others | string, as DuckDB writes it |
 * | LIST, ARRAY | array |
 * | STRUCT, MAP | object; keys of a map that are not text are written as text |
 * | UNION | object with one entry, named after the member that is set |
 * | VARIANT | its value |
 */
export function converterTo<Leaf>(
  form: ValueForm<Leaf>,
  type: DuckDBType,
): ValueReader<Tree<Leaf | CommonLeaf>> {
  const convert = presentConverter(form, type);
  return (value) => (value === null ? null : convert(value));
}

function presentConverter<Leaf>(
  form: ValueForm<Leaf>,
  type: DuckDBType,
): ValueReader<Tree<Leaf | CommonLeaf>> {
  switch (type.typeId) {
    case duckdb.DuckDBTypeId.BOOLEAN:
      return Boolean;
    case duckdb.DuckDBTypeId.TINYINT:
    case duckdb.DuckDBTypeId.SMALLINT:
    case duckdb.DuckDBTypeId.INTEGER:
    case duckdb.DuckDBTypeId.UTINYINT:
    case duckdb.DuckDBTypeId.USMALLINT:
    case duckdb.DuckDBTypeId.UINTEGER:
      return Number;
    case duckdb.DuckDBTypeId.BIGINT:
    case duckdb.DuckDBTypeId.UBIGINT:
    case duckdb.DuckDBTypeId.HUGEINT:
    case duckdb.DuckDBTypeId.UHUGEINT:
    case duckdb.DuckDBTypeId.BIGNUM:
      return (value) => form.integer(readBigint(value));
    case duckdb.DuckDBTypeId.FLOAT:
      return (value) => form.float(Number.isFinite(value) ? shortestFloat(Number(value)) : Number(value));
    case duckdb.DuckDBTypeId.DOUBLE:
      return (value) => form.float(Number(value));
    case duckdb.DuckDBTypeId.DECIMAL:
      return readingObject(duckdb.DuckDBDecimalValue, shortDecimal);
    case duckdb.DuckDBTypeId.DATE:
      return readingObject(duckdb.DuckDBDateValue, isoDate);
    case duckdb.DuckDBTypeId.TIMESTAMP:
      return readingObject(duckdb.DuckDBTimestampValue, (value) =>
        isoTimestamp(value, value.micros, 1_000_000n),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_TZ:
      return readingObject(duckdb.DuckDBTimestampTZValue, (value) =>
        isoTimestamp(value, value.micros, 1_000_000n, 'Z'),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_S:
      return readingObject(duckdb.DuckDBTimestampSecondsValue, (value) =>
        isoTimestamp(value, value.seconds, 1n),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_MS:
      return readingObject(duckdb.DuckDBTimestampMillisecondsValue, (value) =>
        isoTimestamp(value, value.millis, 1000n),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_NS:
      return readingObject(duckdb.DuckDBTimestampNanosecondsValue, (value) =>
        isoTimestamp(value, value.nanos, 1_000_000_000n),
      );
    case duckdb.DuckDBTypeId.BLOB:
      return readingObject(duckdb.DuckDBBlobValue, ({ bytes }) => form.bytes(bytes));
    case duckdb.DuckDBTypeId.GEOMETRY:
      return readingObject(duckdb.DuckDBGeometryValue, ({ bytes }) => form.bytes(bytes));
    case duckdb.DuckDBTypeId.LIST: {
      const item = converterTo(form, type.valueType);
      return readingObject(duckdb.DuckDBListValue, ({ items }) => items.map(item));
    }
    case duckdb.DuckDBTypeId.ARRAY: {
      const item = converterTo(form, type.valueType);
      return readingObject(duckdb.DuckDBArrayValue, ({ items }) => items.map(item));
    }
    case duckdb.DuckDBTypeId.STRUCT: {
      const fields = type.entryNames.map((name) => ({
        name,
        convert: converterTo(form, type.typeForEntry(name)),
      }));
      return readingObject(duckdb.DuckDBStructValue, ({ entries }) =>
        Object.fromEntries(fields.map(({ name, convert }) => [name, convert(entries[name] ?? null)])),
      );
    }
    case duckdb.DuckDBTypeId.MAP: {
      const key = converterTo(form, type.keyType);
      const item = converterTo(form, type.valueType);
      return readingObject(duckdb.DuckDBMapValue, ({ entries }) =>
        Object.fromEntries(entries.map((entry) => [textOf(key(entry.key) as PlainValue), item(entry.value)])),
      );
    }
    case duckdb.DuckDBTypeId.UNION: {
      const members = new Map(
        type.memberTags.map((tag) => [tag, converterTo(form, type.memberTypeForTag(tag))]),
      );
      return readingObject(duckdb.DuckDBUnionValue, ({ tag, value }) => ({
        [tag]: members.get(tag)?.(value) ?? null,
      }));
    }
    case duckdb.DuckDBTypeId.VARIANT:
      return readingObject(duckdb.DuckDBVariantValue, ({ type: inner, value }) => {
        if (value === null) return null;
        return inner === undefined ? String(value) : converterTo(form, inner)(value);
      });
    case duckdb.DuckDBTypeId.VARCHAR:
    case duckdb.DuckDBTypeId.ENUM:
    case duckdb.DuckDBTypeId.UUID:
    case duckdb.DuckDBTypeId.TIME:
    case duckdb.DuckDBTypeId.TIME_TZ:
    case duckdb.DuckDBTypeId.TIME_NS:
    case duckdb.DuckDBTypeId.INTERVAL:
    case duckdb.DuckDBTypeId.BIT:
    case duckdb.DuckDBTypeId.ANY:
    case duckdb.DuckDBTypeId.SQLNULL:
    case duckdb.DuckDBTypeId.STRING_LITERAL:
    case duckdb.DuckDBTypeId.INTEGER_LITERAL:
    default:
      return String;
  }
}

function shortDecimal(value: DuckDBDecimalValue): number | string {
  const text = value.toString();
  const unscaled = value.value < 0n ? -value.value : value.value;
  return unscaled < MAX_EXACT_DECIMAL ? Number(text) : text;
}

/** A double with 7 to 9 digits that rounds to this 32-bit float (9 always suffice): 0.1 instead of 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (const digits of [7, 8]) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}
