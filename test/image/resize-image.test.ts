import sharp from 'sharp';
import { expect, test } from 'vitest';
import { resizeImage, type ShownSize } from '../../src/image/resize-image.ts';
import { drawNoise } from '../support/draw-images.ts';

const flat = (background: string, width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 4, background } });

async function show(
  bytes: Uint8Array,
  size: ShownSize,
): Promise<{ size: number[]; corner: number[]; middle: number[] }> {
  const shown = await resizeImage(bytes, size);
  expect((await sharp(shown).metadata()).format).toBe('jpeg');
  const { data, info } = await sharp(shown).raw().toBuffer({ resolveWithObject: true });
  const middle = (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2)) * 3;
  return {
    size: [info.width, info.height],
    corner: [...data.subarray(0, 3)],
    middle: [...data.subarray(middle, middle + 3)],
  };
}

test.each<[ShownSize, number[], boolean]>([
  [{ width: 10, height: 10, fit: 'contain' }, [10, 10], true],
  [{ width: 10, height: 10, fit: 'cover' }, [10, 10], false],
  [{ width: 10, height: 10, fit: 'fill' }, [10, 10], false],
  [{ width: 10, height: 10, fit: 'inside' }, [10, 5], false],
  [{ width: 10, fit: 'inside' }, [10, 5], false],
  [{ height: 10, fit: 'inside' }, [20, 10], false],
])('an image is shown as %j asks, padded with white', async (size, expected, isPadded) => {
  const shown = await show(await flat('#102030').png().toBuffer(), size);
  expect(shown.size).toEqual(expected);
  expect(Math.min(...shown.corner) > 240).toBe(isPadded);
  expect(Math.max(...shown.middle)).toBeLessThan(70);
});

test('an image is shown upright, on white where it is transparent', async () => {
  const lying = await drawNoise(40, 20).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  expect((await show(lying, { width: 10, fit: 'inside' })).size).toEqual([10, 20]);
  const clear = await show(await flat('#00000000').png().toBuffer(), { width: 10, fit: 'inside' });
  expect(clear.middle).toEqual([255, 255, 255]);
});

test('what cannot be shown has a code', async () => {
  await expect(resizeImage(Buffer.from('none'), { width: 9, fit: 'fill' })).rejects.toMatchObject({
    code: 'IMAGE_UNSUPPORTED',
  });
  const jpeg = await drawNoise().jpeg().toBuffer();
  await expect(resizeImage(jpeg.subarray(0, -200), { width: 9, fit: 'fill' })).rejects.toMatchObject({
    code: 'IMAGE_CORRUPT',
  });
});
