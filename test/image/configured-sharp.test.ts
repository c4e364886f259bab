import { expect, test } from 'vitest';
import { loadSharp, openEncoded, openPixels, openRaw } from '../../src/image/configured-sharp.ts';
import { drawNoise } from '../support/draw-images.ts';

test('sharp works on one image in one thread and keeps none, since images are many and small', () => {
  const sharp = loadSharp();
  expect(loadSharp()).toBe(sharp);
  expect(sharp.concurrency()).toBe(1);
  expect(sharp.cache()).toMatchObject({ memory: { max: 0 }, files: { max: 0 }, items: { max: 0 } });
});

test('encoded bytes are opened strictly: a warning of a decoder is damage', async () => {
  const bytes = await drawNoise().jpeg().toBuffer();
  expect(await openEncoded(bytes).raw().toBuffer()).toHaveLength(3600);
  await expect(openEncoded(bytes.subarray(0, -100)).raw().toBuffer()).rejects.toThrow();
});

test('pixels are opened as RGB, samples with as many channels as they have', async () => {
  const bytes = Uint8Array.from({ length: 24 }, (_, index) => index);
  expect([...(await openPixels({ bytes, width: 4, height: 2 }).raw().toBuffer())]).toEqual([...bytes]);
  const { data, info } = await openRaw(bytes, { width: 3, height: 2, channels: 4 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 3, height: 2, channels: 4 });
  expect([...data]).toEqual([...bytes]);
});
