import { defineTransform } from './define-transform.ts';

/** Encodings of written images. */
export const FORMATS = ['jpeg', 'webp', 'png', 'avif'] as const;

/** How images are written. */
export const encoding = defineTransform({
  name: 'encoding',
  fields: {
    format: {
      kind: 'choice',
      choices: FORMATS,
      default: 'jpeg',
      placeholder: 'format',
      summary: 'encoding of written images',
    },
    quality: {
      kind: 'number',
      min: 1,
      max: 100,
      isWhole: true,
      default: 90,
      placeholder: 'n',
      summary: 'encoder quality, 1 to 100; PNG is lossless and ignores it',
    },
  },
  undrawn: {},
});

/** File name endings of the encodings. */
export const EXTENSIONS: Readonly<Record<(typeof FORMATS)[number], string>> = {
  jpeg: 'jpg',
  webp: 'webp',
  png: 'png',
  avif: 'avif',
};
