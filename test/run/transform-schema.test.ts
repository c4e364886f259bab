import { describe, expect, test } from 'vitest';
import { DEFAULT_TRANSFORM, TRANSFORM_FIELDS } from '../../src/image/transform.ts';
import { transformFieldSchemas, transformSchema } from '../../src/run/transform-schema.ts';

test('each field of a transform has a schema that tells what the field does, and its default', () => {
  expect(Object.keys(transformFieldSchemas)).toEqual(Object.keys(TRANSFORM_FIELDS));
  expect(Object.values(transformFieldSchemas).map(({ description }) => description)).toEqual(
    Object.values(TRANSFORM_FIELDS).map(({ summary }) => summary),
  );
  expect(transformSchema.parse({})).toEqual(DEFAULT_TRANSFORM);
  expect(transformSchema.safeParse({ sizes: 3 }).success).toBe(false);
});

const parse = (field: keyof typeof transformFieldSchemas, value: unknown): unknown =>
  transformFieldSchemas[field].safeParse(value).data;

describe('sizes', () => {
  test.each([
    [1, 1],
    [256, 256],
    ['256x256', 256],
    ['224x320', '224x320'],
    ['1x2', '1x2'],
  ])('%j is %j', (size, parsed) => {
    expect(parse('size', size)).toBe(parsed);
  });

  const { max } = TRANSFORM_FIELDS.size;
  test.each([
    0,
    -1,
    1.5,
    max + 1,
    '256',
    '0x5',
    '05x5',
    '5x',
    'x5',
    '5x5x5',
    ' 5x5',
    `${max + 1}x5`,
    `5x${max + 1}`,
  ])('%j is none', (size) => {
    expect(parse('size', size)).toBeUndefined();
  });

  test('a side may be as long as a square', () => {
    expect(parse('size', max)).toBe(max);
    expect(parse('size', `${max}x1`)).toBe(`${max}x1`);
  });
});

describe('ranges', () => {
  const { min, max } = TRANSFORM_FIELDS.aspectRatio;

  test.each([null, [min, max], [1, 1]])('%j is one', (range) => {
    expect(parse('aspectRatio', range)).toEqual(range);
  });

  test.each([[[2, 1]], [[min / 2, 1]], [[1, max * 2]], [[1]], [[1, 1, 1]], [1]])('%j is none', (range) => {
    expect(parse('aspectRatio', range)).toBeUndefined();
  });
});
