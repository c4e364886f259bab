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
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId,
} from '@duckdb/node-api';
import * as arrow from 'apache-arrow';
import {
  type ArrowCodec,
  binary,
  bool,
  decimal,
  fixedSizeList,
  fixedWidth,
  list,
  map,
  struct,
  utf8,
} from './arrow-data.ts';
import { cellText } from './cell-text.ts';
import { readBigint, readingObject, type ValueReader } from './value-reader.ts';

const HUGEINT_DIGITS = 38;

/**
 * Builds the codec that writes values of a DuckDB type as Arrow.
 *
 * | DuckDB | Arrow |
 * | --- | --- |
 * | BOOLEAN; integers up to 64 bits; FLOAT, DOUBLE | the same |
 * | HUGEINT (what `sum` of integers gives) | Decimal128(38, 0), as DuckDB itself exports it |
 * | DECIMAL(p, s) | Decimal128(p, s) |
 * | DATE | Date32 |
 * | TIME | Time64 in µs |
 * | TIMESTAMP, TIMESTAMP_S, _MS, _NS | Timestamp in µs, s, ms, ns without zone |
 * | TIMESTAMPTZ | Timestamp in µs, UTC |
 * | VARCHAR, ENUM, UUID | Utf8 |
 * | BLOB, GEOMETRY (as WKB) | Binary |
 * | LIST, ARRAY, STRUCT, MAP | List, FixedSizeList, Struct, Map |
 * | all others (UHUGEINT, INTERVAL, BIT, UNION, VARIANT, …) | Utf8, as `cellText` writes them |
 */
export function arrowCodec(type: DuckDBType): ArrowCodec {
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return bool();
    case DuckDBTypeId.TINYINT:
      return fixedWidth(new arrow.Int8(), Int8Array, Number);
    case DuckDBTypeId.SMALLINT:
      return fixedWidth(new arrow.Int16(), Int16Array, Number);
    case DuckDBTypeId.INTEGER:
      return fixedWidth(new arrow.Int32(), Int32Array, Number);
    case DuckDBTypeId.UTINYINT:
      return fixedWidth(new arrow.Uint8(), Uint8Array, Number);
    case DuckDBTypeId.USMALLINT:
      return fixedWidth(new arrow.Uint16(), Uint16Array, Number);
    case DuckDBTypeId.UINTEGER:
      return fixedWidth(new arrow.Uint32(), Uint32Array, Number);
    case DuckDBTypeId.FLOAT:
      return fixedWidth(new arrow.Float32(), Float32Array, Number);
    case DuckDBTypeId.DOUBLE:
      return fixedWidth(new arrow.Float64(), Float64Array, Number);
    case DuckDBTypeId.BIGINT:
      return fixedWidth(new arrow.Int64(), BigInt64Array, readBigint);
    case DuckDBTypeId.UBIGINT:
      return fixedWidth(new arrow.Uint64(), BigUint64Array, readBigint);
    case DuckDBTypeId.HUGEINT:
      return decimal(HUGEINT_DIGITS, 0, readBigint);
    case DuckDBTypeId.DECIMAL:
      return decimal(
        type.width,
        type.scale,
        readingObject(DuckDBDecimalValue, ({ value }) => value),
      );
    case DuckDBTypeId.DATE:
      return fixedWidth(
        new arrow.DateDay(),
        Int32Array,
        readingObject(DuckDBDateValue, ({ days }) => days),
      );
    case DuckDBTypeId.TIME:
      return fixedWidth(
        new arrow.TimeMicrosecond(),
        BigInt64Array,
        readingObject(DuckDBTimeValue, ({ micros }) => micros),
      );
    case DuckDBTypeId.TIMESTAMP:
      return timestamp(
        arrow.TimeUnit.MICROSECOND,
        null,
        readingObject(DuckDBTimestampValue, ({ micros }) => micros),
      );
    case DuckDBTypeId.TIMESTAMP_TZ:
      return timestamp(
        arrow.TimeUnit.MICROSECOND,
        'UTC',
        readingObject(DuckDBTimestampTZValue, ({ micros }) => micros),
      );
    case DuckDBTypeId.TIMESTAMP_S:
      return timestamp(
        arrow.TimeUnit.SECOND,
        null,
        readingObject(DuckDBTimestampSecondsValue, ({ seconds }) => seconds),
      );
    case DuckDBTypeId.TIMESTAMP_MS:
      return timestamp(
        arrow.TimeUnit.MILLISECOND,
        null,
        readingObject(DuckDBTimestampMillisecondsValue, ({ millis }) => millis),
      );
    case DuckDBTypeId.TIMESTAMP_NS:
      return timestamp(
        arrow.TimeUnit.NANOSECOND,
        null,
        readingObject(DuckDBTimestampNanosecondsValue, ({ nanos }) => nanos),
      );
    case DuckDBTypeId.BLOB:
      return binary(readingObject(DuckDBBlobValue, ({ bytes }) => bytes));
    case DuckDBTypeId.GEOMETRY:
      return binary(readingObject(DuckDBGeometryValue, ({ bytes }) => bytes));
    case DuckDBTypeId.LIST:
      return list(
        arrowCodec(type.valueType),
        readingObject(DuckDBListValue, ({ items }) => items),
      );
    case DuckDBTypeId.ARRAY:
      return fixedSizeList(
        arrowCodec(type.valueType),
        type.length,
        readingObject(DuckDBArrayValue, ({ items }) => items),
      );
    case DuckDBTypeId.STRUCT: {
      const fields = type.entryNames.map((name) => ({
        name,
        codec: arrowCodec(type.typeForEntry(name)),
        pick: readingObject(DuckDBStructValue, ({ entries }) => entries[name] ?? null),
      }));
      return struct(fields);
    }
    case DuckDBTypeId.MAP:
      return map(
        arrowCodec(type.keyType),
        arrowCodec(type.valueType),
        readingObject(DuckDBMapValue, ({ entries }) => entries),
      );
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.ENUM:
    case DuckDBTypeId.UUID:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
    case DuckDBTypeId.TIME_TZ:
    case DuckDBTypeId.TIME_NS:
    case DuckDBTypeId.INTERVAL:
    case DuckDBTypeId.BIT:
    case DuckDBTypeId.UNION:
    case DuckDBTypeId.VARIANT:
    case DuckDBTypeId.ANY:
    case DuckDBTypeId.SQLNULL:
    case DuckDBTypeId.STRING_LITERAL:
    case DuckDBTypeId.INTEGER_LITERAL:
    default: {
      const write = cellText(type);
      return utf8((value) => write(value) ?? '');
    }
  }
}

function timestamp(unit: arrow.TimeUnit, zone: string | null, ticks: ValueReader<bigint>): ArrowCodec {
  return fixedWidth(new arrow.Timestamp(unit, zone), BigInt64Array, ticks);
}
