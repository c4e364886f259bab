import sharp from 'sharp';
import { expect, test } from 'vitest';
import { probeImage } from '../../src/image/probe-image.ts';
import { drawProduct } from '../../src/sample/draw-product.ts';
import type { Quirk } from '../../src/sample/quirks.ts';
import { renderImage } from '../../src/sample/render-image.ts';

const render = (quirk?: Quirk, nth = 0, id = 7): Promise<Buffer> =>
  renderImage(drawProduct(42, 3).svg, 42, id, quirk, nth);

test('an image without a flaw is a JPEG of the drawing in 60x80', async () => {
  const bytes = await render();
  expect(await probeImage(bytes)).toMatchObject({
    status: 'ok',
    format: 'jpeg',
    width: 60,
    height: 80,
    channels: 3,
  });
  const drawing = await sharp(Buffer.from(drawProduct(42, 3).svg))
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 88 })
    .toBuffer();
  expect(bytes.equals(drawing)).toBe(true);
  // Flaws of rows leave the image alone.
  expect((await render('extraComma')).equals(bytes)).toBe(true);
});

test.each<[Quirk, object]>([
  ['zeroBytes', { status: 'empty' }],
  ['truncated', { status: 'corrupt', reason: expect.stringContaining('cut off before its end marker') }],
  ['corrupt', { status: 'corrupt' }],
  ['grayscale', { status: 'ok', channels: 1, width: 60, height: 80 }],
  ['pngNamedJpg', { status: 'ok', format: 'png', width: 60, height: 80 }],
  ['exifRotated', { status: 'ok', format: 'jpeg', width: 60, height: 80 }],
  ['withIcc', { status: 'ok', format: 'jpeg', width: 60, height: 80 }],
])('the flaw %s is found by a probe', async (quirk, expected) => {
  expect(await probeImage(await render(quirk))).toMatchObject(expected);
});

test.each([
  [0, 53, 80],
  [1, 60, 60],
  [2, 45, 80],
  [3, 60, 71],
  [4, 53, 80],
])('odd size %i is %i x %i', async (nth, width, height) => {
  expect(await probeImage(await render('oddSize', nth))).toMatchObject({ status: 'ok', width, height });
});

test('a truncated image is most of the whole one', async () => {
  const [whole, truncated] = [await render(), await render('truncated')];
  expect(truncated.equals(whole.subarray(0, Math.floor(whole.length * 0.6)))).toBe(true);
});

test('a corrupt image begins as the whole one and goes on with noise of its own', async () => {
  const [whole, corrupt] = [await render(), await render('corrupt')];
  expect(corrupt).toHaveLength(760);
  expect(corrupt.subarray(0, 160).equals(whole.subarray(0, 160))).toBe(true);
  expect(new Set(corrupt.subarray(160)).size).toBeGreaterThan(200);
  expect((await render('corrupt')).equals(corrupt)).toBe(true);
  expect((await render('corrupt', 0, 8)).equals(corrupt)).toBe(false);
});

test('an image with an orientation lies on its side as stored, and looks like the plain one when turned', async () => {
  const turned = await render('exifRotated');
  expect(await sharp(turned).metadata()).toMatchObject({ width: 80, height: 60, orientation: 6 });
  const [shown, plain] = await Promise.all([
    sharp(turned).autoOrient().raw().toBuffer(),
    sharp(await render())
      .raw()
      .toBuffer(),
  ]);
  const differences = Array.from(shown, (value, index) => Math.abs(value - (plain[index] ?? 0)));
  expect(differences).toHaveLength(60 * 80 * 3);
  expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(3);
});

test('an image with a profile carries it, and no other does', async () => {
  expect((await sharp(await render('withIcc')).metadata()).icc?.subarray(36, 40).toString()).toBe('acsp');
  expect((await sharp(await render()).metadata()).icc).toBeUndefined();
});
