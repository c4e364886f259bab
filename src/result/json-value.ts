import type { DuckDBDecimalValue, DuckDBType } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { isoDate, isoTimestamp } from './iso-time.ts';
import { readBigint, readingObject, type ValueReader } from './value-reader.ts';

/** Anything that JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Turns a value of one DuckDB type, which may be NULL, into JSON. */
export type JsonConverter = ValueReader<JsonValue>;

/** A double holds every decimal of up to this many significant digits so that it prints as the same digits (IEEE 754, DBL_DIG). */
const EXACT_DIGITS = 15;
const MAX_EXACT_DECIMAL = 10n ** BigInt(EXACT_DIGITS);

/**
 * Builds the converter from values of a DuckDB type to JSON; SQL NULL is `null`.
 *
 * | DuckDB | JSON |
 * | --- | --- |
 * | integers of any width, BIGNUM | number up to ±(2^53 - 1), beyond that a string of digits |
 * | DECIMAL | number up to 15 significant digits, beyond that a string |
 * | FLOAT, DOUBLE | number (FLOAT with only the digits that tell it from its neighbours); NaN and the infinities are `null` |
 * | DATE, TIMESTAMP | ISO 8601: `2024-02-29`, `2024-02-29T12:30:00.5`; TIMESTAMPTZ in UTC with `Z` |
 * | TIME, INTERVAL, UUID, ENUM, BIT and all others | string, as DuckDB writes it |
 * | BLOB, GEOMETRY (as WKB) | string of base64 |
 * | LIST, ARRAY | array |
 * | STRUCT, MAP | object; keys of a map that are not text are written as text |
 * | UNION | object of one entry, named for the member that is set |
 * | VARIANT | what it holds |
 */
export function jsonConverter(type: DuckDBType): JsonConverter {
  const convert = presentConverter(type);
  return (value) => (value === null ? null : convert(value));
}

/** Text of a JSON value where it stands alone: a string without its quotes, all else as JSON. */
export function jsonText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function presentConverter(type: DuckDBType): ValueReader<JsonValue> {
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
      return (value) => integerJson(readBigint(value));
    case duckdb.DuckDBTypeId.FLOAT:
      return (value) => (Number.isFinite(value) ? shortestFloat(Number(value)) : null);
    case duckdb.DuckDBTypeId.DOUBLE:
      return (value) => (Number.isFinite(value) ? Number(value) : null);
    case duckdb.DuckDBTypeId.DECIMAL:
      return readingObject(duckdb.DuckDBDecimalValue, decimalJson);
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
      return readingObject(duckdb.DuckDBBlobValue, ({ bytes }) => base64(bytes));
    case duckdb.DuckDBTypeId.GEOMETRY:
      return readingObject(duckdb.DuckDBGeometryValue, ({ bytes }) => base64(bytes));
    case duckdb.DuckDBTypeId.LIST: {
      const item = jsonConverter(type.valueType);
      return readingObject(duckdb.DuckDBListValue, ({ items }) => items.map(item));
    }
    case duckdb.DuckDBTypeId.ARRAY: {
      const item = jsonConverter(type.valueType);
      return readingObject(duckdb.DuckDBArrayValue, ({ items }) => items.map(item));
    }
    case duckdb.DuckDBTypeId.STRUCT: {
      const fields = type.entryNames.map((name) => ({
        name,
        convert: jsonConverter(type.typeForEntry(name)),
      }));
      return readingObject(duckdb.DuckDBStructValue, ({ entries }) =>
        Object.fromEntries(fields.map(({ name, convert }) => [name, convert(entries[name] ?? null)])),
      );
    }
    case duckdb.DuckDBTypeId.MAP: {
      const key = jsonConverter(type.keyType);
      const item = jsonConverter(type.valueType);
      return readingObject(duckdb.DuckDBMapValue, ({ entries }) =>
        Object.fromEntries(entries.map((entry) => [jsonText(key(entry.key)), item(entry.value)])),
      );
    }
    case duckdb.DuckDBTypeId.UNION: {
      const members = new Map(type.memberTags.map((tag) => [tag, jsonConverter(type.memberTypeForTag(tag))]));
      return readingObject(duckdb.DuckDBUnionValue, ({ tag, value }) => ({
        [tag]: members.get(tag)?.(value) ?? null,
      }));
    }
    case duckdb.DuckDBTypeId.VARIANT:
      return readingObject(duckdb.DuckDBVariantValue, ({ type: inner, value }) => {
        if (value === null) return null;
        return inner === undefined ? String(value) : jsonConverter(inner)(value);
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

function integerJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function decimalJson(value: DuckDBDecimalValue): number | string {
  const text = value.toString();
  const unscaled = value.value < 0n ? -value.value : value.value;
  return unscaled < MAX_EXACT_DECIMAL ? Number(text) : text;
}

/** A double of 7 to 9 digits that rounds to this 32-bit float, for which 9 always do: 0.1 rather than 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (const digits of [7, 8]) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return Number(value.toPrecision(9));
}
