import { DuckDBListValue, type DuckDBMapEntry, type DuckDBValue } from '@duckdb/node-api';
import { type Data, type Field, Int32 } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
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
} from '../../src/result/arrow-data.ts';

const int32 = fixedWidth(new Int32(), Int32Array, Number);
const itemsOf = (value: DuckDBValue): readonly DuckDBValue[] => (value as DuckDBListValue).items;
const listOf = (...items: DuckDBValue[]): DuckDBValue => new DuckDBListValue(items);

/** What the Arrow columnar format says of a column: length, NULLs, the bits of those that are none, offsets, values and children. */
const layoutOf = ({
  length,
  nullCount,
  nullBitmap,
  valueOffsets,
  values,
  children = [],
}: Partial<Data>): unknown => ({
  length,
  nullCount,
  ...(nullBitmap === undefined ? {} : { valid: [...nullBitmap] }),
  ...(valueOffsets === undefined ? {} : { offsets: [...(valueOffsets as Int32Array)] }),
  ...(values === undefined ? {} : { values: [...(values as Int32Array)] }),
  ...(children.length === 0 ? {} : { children: children.map(layoutOf) }),
});

const build = (codec: ArrowCodec, ...values: DuckDBValue[]): unknown => layoutOf(codec.build(values));

describe('a column', () => {
  test('of numbers has zeros for NULL', () => {
    expect(build(int32, 7, null, -1)).toEqual({
      length: 3,
      nullCount: 1,
      valid: [0b101],
      values: [7, 0, -1],
    });
    expect(build(int32)).toEqual({ length: 0, nullCount: 0, valid: [], values: [] });
  });

  test('of booleans has a bit each, the first one lowest', () => {
    const values = [true, false, null, true, true, true, true, true, true, null];
    expect(build(bool(), ...values)).toEqual({
      length: 10,
      nullCount: 2,
      valid: [0b1111_1011, 0b01],
      values: [0b1111_1001, 0b01],
    });
  });

  test('of decimals has four words each, the lowest first', () => {
    expect(build(decimal(38, 2, BigInt as never), 2n ** 64n + 5n, null, -1n)).toEqual({
      length: 3,
      nullCount: 1,
      valid: [0b101],
      values: [5, 0, 1, 0, 0, 0, 0, 0, ...Array.from({ length: 4 }, () => 2 ** 32 - 1)],
    });
    expect(decimal(10, 2, BigInt as never).type).toMatchObject({ precision: 10, scale: 2 });
  });

  test('of text has its bytes end to end', () => {
    expect(build(utf8(String), 'aé', null, '', 'b')).toEqual({
      length: 4,
      nullCount: 1,
      valid: [0b1101],
      offsets: [0, 3, 3, 3, 4],
      values: [...Buffer.from('aéb')],
    });
    expect(
      build(
        binary(() => Uint8Array.of(1, 2)),
        0,
        null,
      ),
    ).toMatchObject({ offsets: [0, 2, 2], values: [1, 2] });
  });

  test('of lists has their items end to end', () => {
    expect(build(list(int32, itemsOf), listOf(1, null), null, listOf(), listOf(2))).toEqual({
      length: 4,
      nullCount: 1,
      valid: [0b1101],
      offsets: [0, 2, 2, 2, 3],
      children: [{ length: 3, nullCount: 1, valid: [0b101], values: [1, 0, 2] }],
    });
  });

  test('of lists of one length has items for NULL, too', () => {
    const codec = fixedSizeList(int32, 2, itemsOf);
    expect(build(codec, listOf(1, 2), null, listOf(3, 4))).toMatchObject({
      length: 3,
      nullCount: 1,
      valid: [0b101],
      children: [{ length: 6, nullCount: 2, valid: [0b11_0011], values: [1, 2, 0, 0, 3, 4] }],
    });
    expect(codec.type).toMatchObject({ listSize: 2 });
    expect(codec.type.children[0]?.nullable).toBe(true);
  });

  test('of structs has a column for each field', () => {
    const pick = (index: number) => (value: DuckDBValue) => itemsOf(value)[index] ?? null;
    const codec = struct([
      { name: 'a', codec: int32, pick: pick(0) },
      { name: 'b', codec: utf8(String), pick: pick(1) },
    ]);
    expect(build(codec, listOf(1, 'x'), null, listOf(null, 'y'))).toMatchObject({
      length: 3,
      nullCount: 1,
      valid: [0b101],
      children: [
        { nullCount: 2, valid: [0b001], values: [1, 0, 0] },
        { nullCount: 1, valid: [0b101], offsets: [0, 1, 1, 2] },
      ],
    });
    expect(codec.type.children.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['a', true],
      ['b', true],
    ]);
  });

  test('of maps has lists of entries, whose keys are never NULL', () => {
    const entries: Readonly<Record<string, readonly DuckDBMapEntry[]>> = {
      two: [
        { key: 'a', value: 1 },
        { key: 'b', value: null },
      ],
      none: [],
      one: [{ key: 'c', value: 3 }],
    };
    const codec = map(utf8(String), int32, (value) => entries[String(value)] ?? []);
    expect(build(codec, 'two', null, 'none', 'one')).toMatchObject({
      length: 4,
      nullCount: 1,
      valid: [0b1101],
      offsets: [0, 2, 2, 2, 3],
      children: [
        {
          length: 3,
          nullCount: 0,
          children: [
            { length: 3, nullCount: 0, values: [...Buffer.from('abc')] },
            { length: 3, nullCount: 1, valid: [0b101], values: [1, 0, 3] },
          ],
        },
      ],
    });
    const [entry] = codec.type.children;
    expect(entry?.nullable).toBe(false);
    const fields: readonly Field[] | undefined = entry?.type.children;
    expect(fields?.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['key', false],
      ['value', true],
    ]);
  });

  test('of more bytes than Arrow can hold is refused', () => {
    // Of the items only their number is read.
    const item = { type: new Int32(), build: () => int32.build([]) };
    const huge = list(item, (value) => ({ length: Number(value) }) as unknown as DuckDBValue[]);
    expect([...(huge.build([2 ** 30, 2 ** 30 - 1]).valueOffsets as Int32Array)]).toEqual([
      0,
      2 ** 30,
      2 ** 31 - 1,
    ]);
    expect(() => huge.build([2 ** 30, 2 ** 30])).toThrow(
      expect.objectContaining({ code: 'SQL_FAILED', remedy: expect.stringContaining('fewer bytes') }),
    );
  });
});
