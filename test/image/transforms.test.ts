import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { applyTransform } from '../../src/image/apply-transform.ts';
import { drawTransform } from '../../src/image/draw-transform.ts';
import { renderImage } from '../../src/image/render-image.ts';
import {
  ALL_TRANSFORMS,
  DEFAULT_TRANSFORM,
  DRAWN_COLUMNS,
  type DrawnTransform,
  type Transform,
  TRANSFORM_FIELDS,
  undrawn,
} from '../../src/image/transform.ts';
import type { Field } from '../../src/image/transforms/define-transform.ts';
import { transformSchema } from '../../src/run/transform-schema.ts';
import { drawPhoto, psnr, resampleExactly } from './pixel-reference.ts';

const FIELDS = Object.entries(TRANSFORM_FIELDS) as [keyof Transform, Field][];
const SIZE = { width: 90, height: 60 };

/** A value of a field that asks for something. */
function strongest(field: Field): unknown {
  switch (field.kind) {
    case 'number':
      return field.max;
    case 'choice':
      return field.choices.at(-1);
    case 'colour':
      return '#102030';
    case 'size':
      return '30x20';
    case 'range':
      return [field.min, Math.min(field.max, 1)];
    default:
      return field satisfies never;
  }
}

function drawWith(changes: Partial<Transform>, copy = 0): DrawnTransform {
  return drawTransform({ ...DEFAULT_TRANSFORM, crop: 0, ...changes }, SIZE, { seed: 1, id: 'a', copy });
}

describe.each(ALL_TRANSFORMS.map((one) => [one.name, one] as const))('%s', (_, definition) => {
  test('draws nothing by its defaults but a crop', () => {
    expect(drawWith({})).toEqual(undrawn(SIZE));
    const drawn = { ...undrawn(SIZE) };
    definition.draw?.({ ...DEFAULT_TRANSFORM, crop: 0 }, () => 0.99, drawn, SIZE);
    expect(drawn).toEqual(undrawn(SIZE));
  });
});

const COLUMNS = ALL_TRANSFORMS.flatMap(({ fields, columns = [] }) =>
  columns.map((column) => [column.name, fields, column] as const),
);

test.each(COLUMNS)(
  'the column %s tells what was drawn, and draws of others do not change it',
  (name, fields, column) => {
    const changes = Object.fromEntries(
      Object.entries(fields).map(([field, definition]) => [field, strongest(definition)]),
    ) as Partial<Transform>;
    const alone = drawWith(changes);
    const beside = drawWith({ ...changes, flip: 1, blur: 9 });
    const valueOf = (drawn: typeof alone): unknown => column.valueOf(drawn);
    const value = valueOf(alone);
    expect(typeof value).toBe(column.type === 'BOOLEAN' ? 'boolean' : 'number');
    if (!['flipped', 'blur'].includes(name)) expect(valueOf(beside)).toEqual(value);
    const values = Array.from({ length: 30 }, (_unused, copy) => valueOf(drawWith(changes, copy)));
    // A probability of one leaves nothing to chance.
    if (typeof value !== 'boolean') expect(new Set(values).size).toBeGreaterThan(1);
    else expect(new Set(values)).toEqual(new Set([true]));
  },
);

describe('fields of transforms', () => {
  test.each(FIELDS)(
    '%s has a default and a strongest value that its schema takes, and says what it is',
    (name, field) => {
      expect(transformSchema.parse({})[name]).toEqual(field.default);
      expect(transformSchema.parse({ [name]: strongest(field) })[name]).toEqual(strongest(field));
      expect(field.summary.length).toBeGreaterThan(10);
      if (field.kind === 'number') {
        expect(transformSchema.safeParse({ [name]: field.max + 1 }).success).toBe(false);
        expect(transformSchema.safeParse({ [name]: field.min - 1 }).success).toBe(false);
        expect(transformSchema.safeParse({ [name]: Number.NaN }).success).toBe(false);
      }
    },
  );

  test.each([
    ['size', '0x10'],
    ['size', '10x9000'],
    ['size', 'axb'],
    ['size', 0],
    ['aspectScale', [0.5, 0.1]],
    ['aspectScale', [0.5]],
    ['aspectRatio', [0, 1]],
    ['background', 'red'],
  ])('%s of %j is refused', (name, value) => {
    expect(transformSchema.safeParse({ [name]: value }).success).toBe(false);
  });

  test('a square has one way to be written', () => {
    expect(transformSchema.parse({ size: '64x64' }).size).toBe(64);
  });

  test('names of columns are told apart', () => {
    const names = DRAWN_COLUMNS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

test('a random resized crop is of all the sizes that were asked for, and lies anywhere', () => {
  const spec = { ...DEFAULT_TRANSFORM, aspectScale: [0.2, 0.9], aspectRatio: [0.5, 2] } as const;
  const drawn = Array.from({ length: 500 }, (_, copy) =>
    drawTransform(spec, { width: 400, height: 300 }, { seed: 1, id: 'a', copy }),
  );
  const shares = drawn.map((one) => (one.cropWidth * one.cropHeight) / 120_000);
  expect(Math.min(...shares)).toBeGreaterThan(0.19);
  expect(Math.min(...shares)).toBeLessThan(0.23);
  expect(Math.max(...shares)).toBeGreaterThan(0.85);
  expect(Math.max(...shares)).toBeLessThan(0.91);
  expect(new Set(drawn.map(({ cropLeft }) => cropLeft)).size).toBeGreaterThan(100);
  expect(new Set(drawn.map(({ cropTop }) => cropTop)).size).toBeGreaterThan(70);
});

test('a random resized crop keeps its bounds, or takes the middle where no box fits', () => {
  const side = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(side, side, fc.nat(1e6), (width, height, copy) => {
      const aspectRatio = [0.5, 2] as const;
      const drawn = drawTransform(
        { ...DEFAULT_TRANSFORM, aspectScale: [0.2, 0.9], aspectRatio },
        { width, height },
        { seed: 1, id: 'a', copy },
      );
      const { cropLeft, cropTop, cropWidth, cropHeight } = drawn;
      expect(cropWidth).toBeGreaterThanOrEqual(1);
      expect(cropHeight).toBeGreaterThanOrEqual(1);
      expect(cropLeft).toBeGreaterThanOrEqual(0);
      expect(cropTop).toBeGreaterThanOrEqual(0);
      expect(cropLeft + cropWidth).toBeLessThanOrEqual(width);
      expect(cropTop + cropHeight).toBeLessThanOrEqual(height);
      // Sides are whole pixels, and so is the ratio of what is left of a thin image.
      if (Math.min(cropWidth, cropHeight) < 30) return;
      const ratio = cropWidth / cropHeight;
      expect(ratio).toBeGreaterThan(aspectRatio[0] * 0.96);
      expect(ratio).toBeLessThan(aspectRatio[1] * 1.04);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

describe('colours', () => {
  test.each([
    ['contrast up', { contrast: 1.7 }],
    ['contrast down', { contrast: 0.3 }],
    ['gray', { isGray: true }],
    ['all', { brightness: 1.2, contrast: 1.4, isGray: true }],
  ] as const)('%s is the same by the kernel, by sharp and in 64-bit numbers', async (_, changes) => {
    const transform = { ...DEFAULT_TRANSFORM, crop: 0, size: '50x70', fit: 'fill', format: 'png' } as const;
    const drawn = { ...undrawn({ width: 60, height: 80 }), ...changes };
    const png = await drawPhoto(60, 80).png().toBuffer();
    const source = await sharp(png).removeAlpha().raw().toBuffer();
    const exact = resampleExactly({ bytes: source, width: 60, height: 80 }, transform, drawn);
    const bySharp = await applyTransform(png, transform, drawn);
    expect(bySharp).toMatchObject({ width: 50, height: 70 });
    expect(psnr(bySharp.bytes, Uint8Array.from(exact.values, Math.round))).toBeGreaterThan(40);
    const jpeg = await drawPhoto(60, 80).jpeg({ quality: 95 }).toBuffer();
    const { encoded } = await renderImage(jpeg, transform, drawn);
    const inKernel = await sharp(encoded).removeAlpha().raw().toBuffer();
    const decoded = await sharp(jpeg).removeAlpha().raw().toBuffer();
    const expected = resampleExactly({ bytes: decoded, width: 60, height: 80 }, transform, drawn);
    const differences = Array.from(expected.values, (value, index) =>
      Math.abs(value - (inKernel[index] ?? 0)),
    );
    expect(differences).toHaveLength(50 * 70 * 3);
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });
});

test('the reference lists all fields in their order', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../src/run/REFERENCE.md'), 'utf8');
  const rows = FIELDS.map(([name, field]) => {
    const flag = name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
    return `| \`--${flag} <${field.placeholder}>\` | ${field.summary} | ${field.default ?? 'off'} |`;
  });
  expect(readme).toContain(rows.join('\n'));
});
