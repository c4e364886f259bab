import { describe, expect, test } from 'vitest';
import { toImageError } from '../../src/image/image-error.ts';
import {
  describeImage,
  explainFailure,
  inspectImage,
  repairImage,
  unsupportedError,
} from '../../src/image/inspect-image.ts';
import { PLAIN } from '../../src/image/formats/image-structure.ts';
import { claimPng, drawNoise, insertBytes, isoBox } from '../support/draw-images.ts';

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;

test.each(FORMATS)('a %s is told by its bytes', async (format) => {
  const bytes = await drawNoise().toFormat(format).toBuffer();
  expect(inspectImage(bytes)).toMatchObject({ format, width: 40, height: 30 });
});

test('what no decoder takes has no structure', () => {
  expect(inspectImage(Buffer.from('no image'))).toBeUndefined();
});

test('a JPEG, a TIFF and an AVIF are repaired, and nothing else is', async () => {
  const jpeg = await drawNoise().jpeg().toBuffer();
  expect(repairImage(insertBytes(jpeg, 2, [1, 2]), 'jpeg').length).toBe(jpeg.length);
  const tiff = await drawNoise().tiff().toBuffer();
  expect(repairImage(tiff, 'tiff')).not.toBe(tiff);
  const avif = await drawNoise().avif({ effort: 0 }).toBuffer();
  avif.write('avis', 8, 'latin1');
  expect(Buffer.from(repairImage(avif, 'avif')).toString('latin1', 8, 12)).toBe('avif');
  for (const format of ['png', 'webp', 'gif', 'heif'] as const) expect(repairImage(jpeg, format)).toBe(jpeg);
  expect.assertions(7);
});

test('an image is described by its format and size, as far as these are known', () => {
  const structure = { ...PLAIN, format: 'png', name: 'PNG' } as const;
  expect(describeImage({ ...structure, width: 1000, height: 20 })).toBe('PNG, 1,000 x 20 pixels');
  expect(describeImage({ ...structure, width: 1000 })).toBe('PNG');
  expect(describeImage({ ...structure, height: 20 })).toBe('PNG');
});

describe('a failure', () => {
  const heic = Buffer.concat([
    isoBox('ftyp', Buffer.from('heic\0\0\0\0')),
    isoBox(
      'meta',
      [0, 0, 0, 0],
      isoBox('iinf', [0, 0, 0, 0, 0, 1], isoBox('infe', [2, 0, 0, 0, 0, 1, 0, 0], Buffer.from('hvc1'))),
    ),
  ]);
  const cutGif = Buffer.from('GIF89a\u0010\0\u0020\0\0\0\0', 'latin1');
  const noTiff = Buffer.from('MM\0*\0\0\0\0\0\0\0\0\0\0\0\0', 'latin1');

  test.each<[string, Uint8Array, string, string]>([
    ['of nothing', Buffer.alloc(0), 'IMAGE_EMPTY', 'the image has zero bytes'],
    [
      'of another file',
      Buffer.from('%PDF-1'),
      'IMAGE_UNSUPPORTED',
      'a PDF file cannot be decoded here; convert it to JPEG or PNG',
    ],
    ['of a text', Buffer.from('hello'), 'IMAGE_UNSUPPORTED', 'a text file, not an image'],
    ['of no file', Buffer.from([1, 2, 3, 0, 200]), 'IMAGE_UNSUPPORTED', 'not an image in a known format'],
    [
      'of an unsupported image',
      heic,
      'IMAGE_UNSUPPORTED',
      'HEVC inside HEIC cannot be decoded here; convert it to JPEG or PNG',
    ],
    ['of no width', claimPng(0, 3), 'IMAGE_CORRUPT', 'PNG, 0 x 3 pixels: its header names a size of zero'],
    ['of no height', claimPng(3, 0), 'IMAGE_CORRUPT', 'PNG, 3 x 0 pixels: its header names a size of zero'],
    ['of a GIF', cutGif, 'IMAGE_CORRUPT', 'GIF, 16 x 32 pixels: the file is cut off after 0 frames'],
    [
      'of a PNG',
      claimPng(3, 3).subarray(0, -12),
      'IMAGE_CORRUPT',
      'PNG, 3 x 3 pixels: the file is cut off before its IEND chunk',
    ],
    ['of a JPEG', Buffer.from([0xff, 0xd8]), 'IMAGE_CORRUPT', 'JPEG: the file is cut off within its header'],
    ['of a TIFF', noTiff, 'IMAGE_CORRUPT', 'TIFF: the file is cut off before its directory'],
    [
      'of a WebP',
      Buffer.from('RIFF\u0010\0\0\0WEBP', 'latin1'),
      'IMAGE_CORRUPT',
      'WebP: the file is cut off at byte 12 of 24',
    ],
    [
      'of an AVIF',
      isoBox('ftyp', Buffer.from('avif\0\0\0\0')),
      'IMAGE_CORRUPT',
      'AVIF: its meta box is missing',
    ],
    ['of pixels alone', claimPng(3, 3), 'IMAGE_CORRUPT', 'PNG, 3 x 3 pixels: the pixel data is damaged'],
  ])('%s is explained by its bytes', (_, bytes, code, message) => {
    const error = explainFailure(bytes);
    expect(error).toMatchObject({ code, message });
    expect('cause' in error).toBe(false);
    const cause = new Error('text of libvips');
    expect(explainFailure(bytes, cause)).toMatchObject({ code, message, cause });
  });

  test('that has a code already keeps it, and another one gets one by the bytes', () => {
    const own = unsupportedError('a thing');
    expect(own.message).toBe('a thing cannot be decoded here; convert it to JPEG or PNG');
    expect(toImageError(own, cutGif)).toBe(own);
    const cause = new Error('text of libvips');
    expect(toImageError(cause, cutGif)).toMatchObject({ code: 'IMAGE_CORRUPT', cause });
  });
});
