import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBGeometryValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionValue,
  DuckDBVariantValue,
} from '@duckdb/node-api';
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
    case DuckDBTypeId.BOOLEAN:
      return Boolean;
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
      return Number;
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return (value) => integerJson(readBigint(value));
    case DuckDBTypeId.FLOAT:
      return (value) => (Number.isFinite(value) ? shortestFloat(Number(value)) : null);
    case DuckDBTypeId.DOUBLE:
      return (value) => (Number.isFinite(value) ? Number(value) : null);
    case DuckDBTypeId.DECIMAL:
      return readingObject(DuckDBDecimalValue, decimalJson);
    case DuckDBTypeId.DATE:
      return readingObject(DuckDBDateValue, isoDate);
    case DuckDBTypeId.TIMESTAMP:
      return readingObject(DuckDBTimestampValue, (value) => isoTimestamp(value, value.micros, 1_000_000n));
    case DuckDBTypeId.TIMESTAMP_TZ:
      return readingObject(DuckDBTimestampTZValue, (value) =>
        isoTimestamp(value, value.micros, 1_000_000n, 'Z'),
      );
    case DuckDBTypeId.TIMESTAMP_S:
      return readingObject(DuckDBTimestampSecondsValue, (value) => isoTimestamp(value, value.seconds, 1n));
    case DuckDBTypeId.TIMESTAMP_MS:
      return readingObject(DuckDBTimestampMillisecondsValue, (value) =>
        isoTimestamp(value, value.millis, 1000n),
      );
    case DuckDBTypeId.TIMESTAMP_NS:
      return readingObject(DuckDBTimestampNanosecondsValue, (value) =>
        isoTimestamp(value, value.nanos, 1_000_000_000n),
      );
    case DuckDBTypeId.BLOB:
      return readingObject(DuckDBBlobValue, ({ bytes }) => base64(bytes));
    case DuckDBTypeId.GEOMETRY:
      return readingObject(DuckDBGeometryValue, ({ bytes }) => base64(bytes));
    case DuckDBTypeId.LIST: {
      const item = jsonConverter(type.valueType);
      return readingObject(DuckDBListValue, ({ items }) => items.map(item));
    }
    case DuckDBTypeId.ARRAY: {
      const item = jsonConverter(type.valueType);
      return readingObject(DuckDBArrayValue, ({ items }) => items.map(item));
    }
    case DuckDBTypeId.STRUCT: {
      const fields = type.entryNames.map((name) => ({
        name,
        convert: jsonConverter(type.typeForEntry(name)),
      }));
      return readingObject(DuckDBStructValue, ({ entries }) =>
        Object.fromEntries(fields.map(({ name, convert }) => [name, convert(entries[name] ?? null)])),
      );
    }
    case DuckDBTypeId.MAP: {
      const key = jsonConverter(type.keyType);
      const item = jsonConverter(type.valueType);
      return readingObject(DuckDBMapValue, ({ entries }) =>
        Object.fromEntries(entries.map((entry) => [jsonText(key(entry.key)), item(entry.value)])),
      );
    }
    case DuckDBTypeId.UNION: {
      const members = new Map(type.memberTags.map((tag) => [tag, jsonConverter(type.memberTypeForTag(tag))]));
      return readingObject(DuckDBUnionValue, ({ tag, value }) => ({
        [tag]: members.get(tag)?.(value) ?? null,
      }));
    }
    case DuckDBTypeId.VARIANT:
      return readingObject(DuckDBVariantValue, ({ type: inner, value }) => {
        if (value === null) return null;
        return inner === undefined ? String(value) : jsonConverter(inner)(value);
      });
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.ENUM:
    case DuckDBTypeId.UUID:
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_TZ:
    case DuckDBTypeId.TIME_NS:
    case DuckDBTypeId.INTERVAL:
    case DuckDBTypeId.BIT:
    case DuckDBTypeId.ANY:
    case DuckDBTypeId.SQLNULL:
    case DuckDBTypeId.STRING_LITERAL:
    case DuckDBTypeId.INTEGER_LITERAL:
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
