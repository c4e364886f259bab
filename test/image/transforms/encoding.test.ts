import { expect, test } from 'vitest';
import { encoding, EXTENSIONS, FORMATS } from '../../../src/image/transforms/encoding.ts';

test('is JPEG of quality 90 unless it is said otherwise', () => {
  expect(encoding.name).toBe('encoding');
  expect(encoding.fields).toMatchObject({
    format: { kind: 'choice', choices: ['jpeg', 'webp', 'png', 'avif'], default: 'jpeg' },
    quality: { kind: 'number', min: 1, max: 100, isWhole: true, default: 90 },
  });
  expect(encoding.undrawn).toEqual({});
});

test('gives each format its ending', () => {
  expect(FORMATS.map((format) => EXTENSIONS[format])).toEqual(['jpg', 'webp', 'png', 'avif']);
});
