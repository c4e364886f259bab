import { expect, test } from 'vitest';
import {
  ALL_TRANSFORMS,
  applyColours,
  changesColours,
  DEFAULT_TRANSFORM,
  DRAWN_COLUMNS,
  isInKernel,
  TRANSFORM_FIELDS,
  undrawn,
} from '../../src/image/transform.ts';

const PLAIN = undrawn({ width: 60, height: 80 });

test('transforms are applied in an order that runs depend on', () => {
  expect(ALL_TRANSFORMS.map(({ name }) => name)).toEqual([
    'crop',
    'aspect',
    'brightness',
    'contrast',
    'grayscale',
    'rotate',
    'resize',
    'flip',
    'blur',
    'encoding',
  ]);
  expect(Object.keys(TRANSFORM_FIELDS)).toEqual(Object.keys(DEFAULT_TRANSFORM));
});

test('where nothing is given, images are cropped a little and padded to 256 pixels', () => {
  expect(DEFAULT_TRANSFORM).toEqual({
    crop: 0.2,
    aspectScale: null,
    aspectRatio: null,
    brightness: 0,
    contrast: 0,
    grayscale: 0,
    rotate: 0,
    size: 256,
    fit: 'contain',
    background: '#ffffff',
    flip: 0,
    blur: 0,
    format: 'jpeg',
    quality: 90,
  });
});

test('the manifest has a column for all that is drawn', () => {
  expect(DRAWN_COLUMNS.map((column) => [column.name, column.type, column.valueOf(PLAIN)])).toEqual([
    ['crop_left', 'INTEGER', 0],
    ['crop_top', 'INTEGER', 0],
    ['crop_width', 'INTEGER', 60],
    ['crop_height', 'INTEGER', 80],
    ['brightness', 'DOUBLE', 1],
    ['contrast', 'DOUBLE', 1],
    ['grayscale', 'BOOLEAN', false],
    ['rotation', 'DOUBLE', 0],
    ['flipped', 'BOOLEAN', false],
    ['blur', 'DOUBLE', 0],
  ]);
});

test.each([
  ['nothing', {}, false, true],
  ['a flip', { isFlipped: true }, false, true],
  ['a crop', { cropLeft: 3 }, false, true],
  ['brightness', { brightness: 1.1 }, true, true],
  ['contrast', { contrast: 0.9 }, true, true],
  ['gray', { isGray: true }, true, true],
  ['a rotation', { rotation: 1 }, false, false],
  ['a blur', { blur: 1 }, false, false],
  ['a blur in gray', { blur: 1, isGray: true }, true, false],
])('%s changes colours: %#, and is done by the kernel', (_, changes, isColourful, isKernels) => {
  const drawn = { ...PLAIN, ...changes };
  expect([changesColours(drawn), isInKernel(drawn)]).toEqual([isColourful, isKernels]);
});

test('colours are changed one after another, and only as drawn', () => {
  const apply = (changes: object): number[] => {
    const row = Uint8Array.of(100, 0, 0);
    applyColours([row], { ...PLAIN, ...changes });
    return [...row];
  };
  expect(apply({})).toEqual([100, 0, 0]);
  expect(apply({ brightness: 2 })).toEqual([200, 0, 0]);
  // Gray comes last: 200 * 0.2989.
  expect(apply({ brightness: 2, isGray: true })).toEqual([59, 59, 59]);
  expect(apply({ brightness: 2, contrast: 0 })).toEqual([59, 59, 59]);
});
