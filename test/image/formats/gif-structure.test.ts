import { describe, expect, test } from 'vitest';
import { findGifDamage, readGifStructure } from '../../../src/image/formats/gif-structure.ts';
import { PLAIN } from '../../../src/image/formats/image-structure.ts';

const END = [0x3b];
/** An extension of two sub-blocks. */
const COMMENT = [0x21, 0xfe, 2, 9, 9, 1, 9, 0];

/** A GIF of 300 by 514; `packed` announces a colour table, which the blocks begin with. */
function gifOf(blocks: readonly (readonly number[])[], packed = 0): Uint8Array {
  const head = [...Buffer.from('GIF89a'), 44, 1, 2, 2, packed, 0, 0];
  return Uint8Array.from([...head, ...blocks.flat()]);
}

/** A frame of one sub-block, with a colour table of its own if `packed` announces one. */
function frame(packed = 0, table: readonly number[] = []): number[] {
  return [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, packed, ...table, 2, 2, 0x4c, 1, 0];
}

/** Bytes that no walk over blocks may take for one. */
const table = (length: number): number[] => Array.from({ length }, () => 0x3b);

describe('the structure of a GIF', () => {
  const gif = {
    ...PLAIN,
    format: 'gif',
    name: 'GIF',
    width: 300,
    height: 514,
    isHeldWhole: true,
  };

  test.each([
    ['one frame', gifOf([frame(), END]), 1],
    ['three frames and comments', gifOf([COMMENT, frame(), COMMENT, frame(), frame(), END]), 3],
    ['a table for all', gifOf([table(6), frame(), frame(), END], 0x80), 2],
    ['a large table for all', gifOf([table(768), frame(), END], 0x87), 1],
    ['tables for each', gifOf([frame(0x81, table(12)), frame(0x80, table(6)), END]), 2],
    ['sizes of tables that are not there', gifOf([frame(7), frame(7), END], 7), 2],
    ['frames behind the end', gifOf([frame(), END, frame()]), 1],
    ['no frame', gifOf([END]), 1],
    ['a second frame that is cut off in its data', gifOf([frame(), frame().slice(0, -3)]), 2],
    ['a second frame that is cut off before its data', gifOf([frame(), frame().slice(0, 10)]), 1],
  ])('has as many frames as there are: %s', (_, bytes, frames) => {
    expect(readGifStructure(bytes)).toEqual({ ...gif, frames });
  });

  test('lacks a size where the header is cut off, and is none of another file', () => {
    expect(readGifStructure(gifOf([]).subarray(0, 9))).toEqual({ ...gif, height: undefined });
    expect(readGifStructure(gifOf([]).subarray(0, 6))).toEqual({
      ...gif,
      width: undefined,
      height: undefined,
    });
    expect(readGifStructure(Buffer.from('GIF7'))).toBeUndefined();
  });
});

describe('the damage of a GIF', () => {
  test.each([
    ['the file is cut off within its header', gifOf([]).subarray(0, 12)],
    ['the file is cut off after 0 frames', gifOf([])],
    ['the file is cut off after 1 frame', gifOf([frame()])],
    ['the file is cut off after 2 frames', gifOf([frame(), frame().slice(0, -2)])],
    ['a block is of no known kind', gifOf([frame(), [0x22], END])],
    ['it holds no frame', gifOf([COMMENT, END])],
    [undefined, gifOf([frame(), END])],
  ])('is named: %s', (damage, bytes) => {
    expect(findGifDamage(bytes)).toBe(damage);
  });
});
