import type { DuckDBType } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
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
 * | HUGEINT (the result of `sum` of integers) | Decimal128(38, 0), as DuckDB itself exports it |
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
    case duckdb.DuckDBTypeId.BOOLEAN:
      return bool();
    case duckdb.DuckDBTypeId.TINYINT:
      return fixedWidth(new arrow.Int8(), Int8Array, Number);
    case duckdb.DuckDBTypeId.SMALLINT:
      return fixedWidth(new arrow.Int16(), Int16Array, Number);
    case duckdb.DuckDBTypeId.INTEGER:
      return fixedWidth(new arrow.Int32(), Int32Array, Number);
    case duckdb.DuckDBTypeId.UTINYINT:
      return fixedWidth(new arrow.Uint8(), Uint8Array, Number);
    case duckdb.DuckDBTypeId.USMALLINT:
      return fixedWidth(new arrow.Uint16(), Uint16Array, Number);
    case duckdb.DuckDBTypeId.UINTEGER:
      return fixedWidth(new arrow.Uint32(), Uint32Array, Number);
    case duckdb.DuckDBTypeId.FLOAT:
      return fixedWidth(new arrow.Float32(), Float32Array, Number);
    case duckdb.DuckDBTypeId.DOUBLE:
      return fixedWidth(new arrow.Float64(), Float64Array, Number);
    case duckdb.DuckDBTypeId.BIGINT:
      return fixedWidth(new arrow.Int64(), BigInt64Array, readBigint);
    case duckdb.DuckDBTypeId.UBIGINT:
      return fixedWidth(new arrow.Uint64(), BigUint64Array, readBigint);
    case duckdb.DuckDBTypeId.HUGEINT:
      return decimal(HUGEINT_DIGITS, 0, readBigint);
    case duckdb.DuckDBTypeId.DECIMAL:
      return decimal(
        type.width,
        type.scale,
        readingObject(duckdb.DuckDBDecimalValue, ({ value }) => value),
      );
    case duckdb.DuckDBTypeId.DATE:
      return fixedWidth(
        new arrow.DateDay(),
        Int32Array,
        readingObject(duckdb.DuckDBDateValue, ({ days }) => days),
      );
    case duckdb.DuckDBTypeId.TIME:
      return fixedWidth(
        new arrow.TimeMicrosecond(),
        BigInt64Array,
        readingObject(duckdb.DuckDBTimeValue, ({ micros }) => micros),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP:
      return timestamp(
        arrow.TimeUnit.MICROSECOND,
        null,
        readingObject(duckdb.DuckDBTimestampValue, ({ micros }) => micros),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_TZ:
      return timestamp(
        arrow.TimeUnit.MICROSECOND,
        'UTC',
        readingObject(duckdb.DuckDBTimestampTZValue, ({ micros }) => micros),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_S:
      return timestamp(
        arrow.TimeUnit.SECOND,
        null,
        readingObject(duckdb.DuckDBTimestampSecondsValue, ({ seconds }) => seconds),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_MS:
      return timestamp(
        arrow.TimeUnit.MILLISECOND,
        null,
        readingObject(duckdb.DuckDBTimestampMillisecondsValue, ({ millis }) => millis),
      );
    case duckdb.DuckDBTypeId.TIMESTAMP_NS:
      return timestamp(
        arrow.TimeUnit.NANOSECOND,
        null,
        readingObject(duckdb.DuckDBTimestampNanosecondsValue, ({ nanos }) => nanos),
      );
    case duckdb.DuckDBTypeId.BLOB:
      return binary(readingObject(duckdb.DuckDBBlobValue, ({ bytes }) => bytes));
    case duckdb.DuckDBTypeId.GEOMETRY:
      return binary(readingObject(duckdb.DuckDBGeometryValue, ({ bytes }) => bytes));
    case duckdb.DuckDBTypeId.LIST:
      return list(
        arrowCodec(type.valueType),
        readingObject(duckdb.DuckDBListValue, ({ items }) => items),
      );
    case duckdb.DuckDBTypeId.ARRAY:
      return fixedSizeList(
        arrowCodec(type.valueType),
        type.length,
        readingObject(duckdb.DuckDBArrayValue, ({ items }) => items),
      );
    case duckdb.DuckDBTypeId.STRUCT: {
      const fields = type.entryNames.map((name) => ({
        name,
        codec: arrowCodec(type.typeForEntry(name)),
        pick: readingObject(duckdb.DuckDBStructValue, ({ entries }) => entries[name] ?? null),
      }));
      return struct(fields);
    }
    case duckdb.DuckDBTypeId.MAP:
      return map(
        arrowCodec(type.keyType),
        arrowCodec(type.valueType),
        readingObject(duckdb.DuckDBMapValue, ({ entries }) => entries),
      );
    case duckdb.DuckDBTypeId.VARCHAR:
    case duckdb.DuckDBTypeId.ENUM:
    case duckdb.DuckDBTypeId.UUID:
    case duckdb.DuckDBTypeId.UHUGEINT:
    case duckdb.DuckDBTypeId.BIGNUM:
    case duckdb.DuckDBTypeId.TIME_TZ:
    case duckdb.DuckDBTypeId.TIME_NS:
    case duckdb.DuckDBTypeId.INTERVAL:
    case duckdb.DuckDBTypeId.BIT:
    case duckdb.DuckDBTypeId.UNION:
    case duckdb.DuckDBTypeId.VARIANT:
    case duckdb.DuckDBTypeId.ANY:
    case duckdb.DuckDBTypeId.SQLNULL:
    case duckdb.DuckDBTypeId.STRING_LITERAL:
    case duckdb.DuckDBTypeId.INTEGER_LITERAL:
    default: {
      const write = cellText(type);
      return utf8((value) => write(value) ?? '');
    }
  }
}

function timestamp(unit: arrow.TimeUnit, zone: string | null, ticks: ValueReader<bigint>): ArrowCodec {
  return fixedWidth(new arrow.Timestamp(unit, zone), BigInt64Array, ticks);
}
