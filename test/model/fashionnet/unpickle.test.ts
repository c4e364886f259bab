import { describe, expect, it } from 'vitest';
import { unpickle } from '../../../src/model/fashionnet/unpickle.ts';

/** Bytes as Latin-1, and the end. */
const read = (pickle: string): unknown => unpickle(Buffer.from(`${pickle}.`, 'latin1'));

describe('a value in a pickle', () => {
  it.each<[string, string, unknown]>([
    ['none', 'N', null],
    ['true', '\u0088', true],
    ['false', '\u0089', false],
    ['a byte', 'K\u00ff', 255],
    ['two bytes', 'M\u0001\u0002', 0x0201],
    ['a number', 'J\u0001\u0002\u0003\u0004', 0x04_03_02_01],
    ['a negative number', 'J\u00fe\u00ff\u00ff\u00ff', -2],
    ['a long of none', '\u008a\0', 0],
    ['a long', '\u008a\u0005\0\0\0\0\u0001', 2 ** 32],
    ['a negative long', '\u008a\u0002\u00ff\u00ff', -1],
    ['a long with a sign byte', '\u008a\u0002\u00ff\0', 255],
    ['a fraction', 'G\u00bf\u00f8\0\0\0\0\0\0', -1.5],
    ['a text', 'X\u0003\0\0\0f\u00c3\u00bc', 'f\u00fc'],
    ['a short text', '\u008c\u0002ab', 'ab'],
    ['an empty list', ']', []],
    ['an empty tuple', ')', []],
    ['an empty dictionary', '}', new Map()],
    ['a tuple of one', 'K\u0001\u0085', [1]],
    ['a tuple of two', 'K\u0001K\u0002\u0086', [1, 2]],
    ['a tuple of three', 'K\u0001K\u0002K\u0003\u0087', [1, 2, 3]],
    ['a tuple up to a mark', 'K\u0009(K\u0001K\u0002t\u0086', [9, [1, 2]]],
    ['tuples within each other', '(K\u0001(K\u0002tt', [1, [2]]],
    ['a list that grows by one', ']K\u0001aK\u0002a', [1, 2]],
    ['a list that grows by many', '](K\u0001K\u0002e', [1, 2]],
    ['a dictionary of one', '}\u008c\u0001aK\u0001s', new Map([['a', 1]])],
    [
      'a dictionary of many',
      '}(\u008c\u0001aK\u0001\u008c\u0001bK\u0002u',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    ],
    ['behind its protocol and a frame', '\u0080\u0004\u0095\0\0\0\0\0\0\0\0K\u0007', 7],
    ['whose attributes are set', 'K\u0007}b', 7],
  ])('is read: %s', (_, pickle, value) => {
    expect(read(pickle)).toEqual(value);
  });

  it.each([
    ['by a short number', 'K\u0007q\u0005K\u0008q\u0006h\u0005\u0087', [7, 8, 7]],
    [
      'by a long number',
      'K\u0007r\u0005\u0001\0\0K\u0008r\u0006\u0001\0\0j\u0005\u0001\0\0\u0087',
      [7, 8, 7],
    ],
    ['by its place', 'K\u0007\u0094K\u0008\u0094h\u0001\u0087', [7, 8, 8]],
  ])('is kept, and given again %s', (_, pickle, value) => {
    expect(read(pickle)).toEqual(value);
  });

  it('may be weights', () => {
    const storage = { kind: 'storage', type: 'FloatStorage', key: '3' };
    const id = '(\u008c\u0007storagectorch\nFloatStorage\n\u008c\u00013\u008c\u0003cpuK\u0004tQ';
    expect(read(id)).toEqual(storage);
    expect(read(`ctorch._utils\n_rebuild_tensor_v2\n(${id}K\u0002K\u0003\u0085K\u0001\u0085tR`)).toEqual({
      kind: 'tensor',
      storage,
      offset: 2,
      dims: [3],
      strides: [1],
    });
    expect(read('\u008c\u000bcollections\u008c\u000bOrderedDict\u0093)R')).toEqual(new Map());
  });
});

describe('a pickle that is damaged', () => {
  it.each([
    ['that is empty', ''],
    ['cut off before its end', 'K\u0001'],
    ['cut off within a number', 'J\u0001\u0002'],
    ['cut off within a text', 'X\u0009\0\0\0ab'],
    ['cut off within a name', 'ctorch'],
    ['cut off within a second name', 'ctorch\nFloat'],
    ['that takes more than it gave', 'K\u0001\u0086.'],
    ['that ends with nothing', '.'],
    ['that lacks a mark', 'K\u0001t.'],
    ['that refers to nothing', 'h\u0005.'],
    ['that extends no list', 'K\u0001K\u0002a.'],
    ['that sets an item of no dictionary', 'K\u0001K\u0002K\u0003s.'],
    ['that calls what is no callable', 'ctorch\nFloatStorage\n)R.'],
  ])('%s is refused', (_, pickle) => {
    expect(() => unpickle(Buffer.from(pickle, 'latin1'))).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_INVALID',
        message: 'the pickle in the checkpoint is damaged',
      }),
    );
  });

  it('is refused with its reason where that is more than damage', () => {
    expect(() => read('i')).toThrow('the pickle contains opcode 0x69, which state dicts do not use');
    expect(() => read('cos\nsystem\n')).toThrow('the checkpoint contains os.system, which is refused');
  });
});
