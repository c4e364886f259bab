import type { DuckDBMapEntry, DuckDBValue } from '@duckdb/node-api';
import {
  Map_ as ArrowMap,
  Binary,
  Bool,
  BufferType,
  Data,
  type DataType,
  Decimal,
  Field,
  FixedSizeList,
  List,
  Struct,
  Utf8,
} from 'apache-arrow';
import { PixlakeError } from '../errors.ts';
import type { ValueReader } from './value-reader.ts';

/**
 * Writes DuckDB values as Arrow columns: the Arrow `type`, and `build`, which lays out values in the Arrow columnar format
 * (https://arrow.apache.org/docs/format/Columnar.html).
 */
export interface ArrowCodec {
  readonly type: DataType;
  build(values: readonly DuckDBValue[]): Data;
}

type FixedArray<Item> = ArrayBufferView & { [index: number]: Item };

const INT64_BITS = 64n;
const MAX_INT32 = 2 ** 31 - 1;
/** Numbers of the buffers of a column in arrow.js. */
const { OFFSET, DATA, VALIDITY } = BufferType;

/** A codec for values of one width, stored in a typed array; NULL is 0 there. */
export function fixedWidth<Item extends number | bigint>(
  type: DataType,
  ArrayType: new (length: number) => FixedArray<Item>,
  convert: ValueReader<Item>,
): ArrowCodec {
  return {
    type,
    build(values) {
      const items = new ArrayType(values.length);
      for (const [index, value] of values.entries()) {
        if (value !== null) items[index] = convert(value);
      }
      return column(type, values, { [DATA]: items });
    },
  };
}

/** A codec for booleans, stored as bits. */
export function bool(): ArrowCodec {
  const type = new Bool();
  return {
    type,
    build: (values) => column(type, values, { [DATA]: bitmap(values, (value) => value === true) }),
  };
}

/** A codec for decimals of up to 38 digits, stored as 128-bit two's complement, least significant half first. */
export function decimal(precision: number, scale: number, unscaled: ValueReader<bigint>): ArrowCodec {
  const type = new Decimal(scale, precision);
  return {
    type,
    build(values) {
      const halves = new BigInt64Array(values.length * 2);
      for (const [index, value] of values.entries()) {
        if (value === null) continue;
        const whole = unscaled(value);
        halves[index * 2] = whole;
        halves[index * 2 + 1] = whole >> INT64_BITS;
      }
      return column(type, values, { [DATA]: new Uint32Array(halves.buffer) });
    },
  };
}

/** A codec for texts, stored as UTF-8. */
export function utf8(write: ValueReader<string>): ArrowCodec {
  return variableWidth(new Utf8(), (value) => Buffer.from(write(value)));
}

/** A codec for byte strings. */
export function binary(bytesOf: ValueReader<Uint8Array>): ArrowCodec {
  return variableWidth(new Binary(), bytesOf);
}

function variableWidth(type: DataType, bytesOf: ValueReader<Uint8Array>): ArrowCodec {
  const nothing = new Uint8Array(0);
  return {
    type,
    build(values) {
      const parts = values.map((value) => (value === null ? nothing : bytesOf(value)));
      return column(type, values, {
        [OFFSET]: offsets(parts.map((part) => part.length)),
        [DATA]: Buffer.concat(parts),
      });
    },
  };
}

/** A codec for lists of any length. */
export function list(item: ArrowCodec, itemsOf: ValueReader<readonly DuckDBValue[]>): ArrowCodec {
  const type = new List(new Field('item', item.type, true));
  return {
    type,
    build(values) {
      const lists = values.map((value) => (value === null ? [] : itemsOf(value)));
      const lengths = lists.map(({ length }) => length);
      return column(type, values, { [OFFSET]: offsets(lengths) }, [item.build(lists.flat())]);
    },
  };
}

/** A codec for lists of one length; a NULL list is stored as `length` NULL items. */
export function fixedSizeList(
  item: ArrowCodec,
  length: number,
  itemsOf: ValueReader<readonly DuckDBValue[]>,
): ArrowCodec {
  const type = new FixedSizeList(length, new Field('item', item.type, true));
  const filler = Array.from({ length }, () => null);
  return {
    type,
    build(values) {
      const items = values.flatMap((value) => (value === null ? filler : itemsOf(value)));
      return column(type, values, {}, [item.build(items)]);
    },
  };
}

/** A field of a {@link struct}: its name, its codec, and how it is read from the struct. */
export interface StructField {
  readonly name: string;
  readonly codec: ArrowCodec;
  readonly pick: ValueReader<DuckDBValue>;
}

/** A codec for structs. */
export function struct(fields: readonly StructField[]): ArrowCodec {
  const type = new Struct(fields.map(({ name, codec }) => new Field(name, codec.type, true)));
  return {
    type,
    build(values) {
      const children = fields.map(({ codec, pick }) =>
        codec.build(values.map((value) => (value === null ? null : pick(value)))),
      );
      return column(type, values, {}, children);
    },
  };
}

/** A codec for maps, stored as lists of key-value structs in which no key is NULL. */
export function map(
  key: ArrowCodec,
  item: ArrowCodec,
  entriesOf: ValueReader<readonly DuckDBMapEntry[]>,
): ArrowCodec {
  const entryType = new Struct([new Field('key', key.type, false), new Field('value', item.type, true)]);
  const type = new ArrowMap(new Field('entries', entryType, false));
  return {
    type,
    build(values) {
      const lists = values.map((value) => (value === null ? [] : entriesOf(value)));
      const entries = lists.flat();
      const children = [
        key.build(entries.map((entry) => entry.key)),
        item.build(entries.map((entry) => entry.value)),
      ];
      const child = new Data(entryType, 0, entries.length, 0, {}, children);
      return column(type, values, { [OFFSET]: offsets(lists.map(({ length }) => length)) }, [child]);
    },
  };
}

function column(
  type: DataType,
  values: readonly DuckDBValue[],
  buffers: { readonly [OFFSET]?: Int32Array; readonly [DATA]?: ArrayBufferView },
  children: Data[] = [],
): Data {
  const nullCount = values.reduce<number>((count, value) => (value === null ? count + 1 : count), 0);
  const validity = bitmap(values, (value) => value !== null);
  return new Data(type, 0, values.length, nullCount, { ...buffers, [VALIDITY]: validity }, children);
}

/** One bit per value, least significant bit first. */
function bitmap(values: readonly DuckDBValue[], isSet: (value: DuckDBValue) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  for (const [index, value] of values.entries()) {
    if (isSet(value)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bits;
}

/** Offsets of the values laid end to end, and the end of the last one. */
function offsets(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  let end = 0;
  for (const [index, length] of lengths.entries()) {
    end += length;
    starts[index + 1] = end;
  }
  if (end > MAX_INT32) {
    throw new PixlakeError(
      'SQL_FAILED',
      'a column has more than 2 GiB in 2048 rows, which Arrow cannot hold',
      {
        remedy: 'select fewer bytes, or use another format',
      },
    );
  }
  return starts;
}
