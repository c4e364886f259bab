import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { applyTransform } from '../../src/image/apply-transform.ts';
import { probeImage } from '../../src/image/probe-image.ts';
import { readHeader } from '../../src/image/read-header.ts';
import { DEFAULT_TRANSFORM, type Transform, undrawn } from '../../src/image/transform.ts';

const square = (): Sharp => sharp({ create: { width: 40, height: 40, channels: 3, background: '#404040' } });

describe('the header of an image', () => {
  test('names AVIF by its name and gives the upright size', async () => {
    expect(await readHeader(await square().avif().toBuffer())).toMatchObject({
      format: 'avif',
      width: 40,
      height: 40,
    });
    const lying = await square().resize(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await readHeader(lying)).toMatchObject({ format: 'jpeg', width: 20, height: 40 });
  });

  test('a drawing program such as SVG is no image, in ingest and in a run', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>');
    expect(await probeImage(svg)).toMatchObject({ status: 'unsupported', format: null });
    await expect(readHeader(svg)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
  });
});

test('the corners that a rotation opens have the background in spite of brightness', async () => {
  const transform: Transform = { ...DEFAULT_TRANSFORM, crop: 0, size: 64, fit: 'fill', format: 'png' };
  const drawn = { ...undrawn({ width: 40, height: 40 }), rotation: 45, brightness: 0.5 };
  const { bytes } = await applyTransform(await square().png().toBuffer(), transform, drawn);
  expect([...bytes.subarray(0, 3)]).toEqual([255, 255, 255]);
  expect([...bytes.subarray((32 * 64 + 32) * 3, (32 * 64 + 32) * 3 + 3)]).toEqual([32, 32, 32]);
});
