import sharp, { type Sharp } from 'sharp';
import { expect, test } from 'vitest';
import type { MemoryGate } from '../../src/image/memory-gate.ts';
import { readHeader } from '../../src/image/read-header.ts';
import { transformOriginal } from '../../src/run/transform-original.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { sha256Of } from '../../src/storage/hash-file.ts';

/** Red above blue, as one holds it. */
async function drawUpright(width: number, height: number): Promise<Buffer> {
  const half = { width, height: height / 2, channels: 3 } as const;
  const blue = await sharp({ create: { ...half, background: '#0000ff' } })
    .png()
    .toBuffer();
  return sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
    .composite([{ input: blue, top: height / 2, left: 0 }])
    .png()
    .toBuffer();
}

/** How a camera that is held so turns the picture, by EXIF orientation: what undoes what the orientation says. */
const TURNS: Readonly<Record<number, (image: Sharp) => Sharp>> = {
  1: (image) => image,
  3: (image) => image.rotate(180),
  6: (image) => image.rotate(270),
  8: (image) => image.rotate(90),
};

async function photograph(orientation: number): Promise<Buffer> {
  const turned = TURNS[orientation]?.(sharp(await drawUpright(40, 60)));
  if (turned === undefined) throw new Error('no such orientation');
  return turned.withMetadata({ orientation }).jpeg({ quality: 100 }).toBuffer();
}

async function coloursOf(encoded: Uint8Array): Promise<{ above: string; below: string }> {
  const { data, info } = await sharp(encoded).raw().toBuffer({ resolveWithObject: true });
  const colourAt = (y: number): string => {
    const at = (Math.floor(info.height * y) * info.width + (info.width >> 1)) * info.channels;
    return (data[at] ?? 0) > 128 ? 'red' : 'blue';
  };
  return { above: colourAt(0.25), below: colourAt(0.75) };
}

const work = parseRunSpec({ name: 'r', sql: '', transform: { crop: 0, size: 60, format: 'png' } }, 'test');

test.each([1, 3, 6, 8])(
  'a photograph with EXIF orientation %i is written upright, and measured so',
  async (orientation) => {
    const bytes = await photograph(orientation);
    const stored = await sharp(bytes).metadata();
    expect([stored.width, stored.height]).toEqual(orientation > 4 ? [60, 40] : [40, 60]);
    const place = { id: '1', copy: 0 };
    const made = await transformOriginal({ bytes, sha256: sha256Of(bytes) }, work, place, undefined);
    expect(made.original).toEqual({ width: 40, height: 60, sha256: sha256Of(bytes) });
    expect(made.drawn).toMatchObject({ cropWidth: 40, cropHeight: 60 });
    expect(await coloursOf(made.rendered.encoded)).toEqual({ above: 'red', below: 'blue' });
    expect((await sharp(made.rendered.encoded).metadata()).orientation).toBeUndefined();
  },
);

test('draws depend on seed, id and copy, and on nothing else', async () => {
  const bytes = await photograph(1);
  const original = { bytes, sha256: sha256Of(bytes) };
  const drawing = { ...work, transform: { ...work.transform, crop: 0.5, flip: 0.5 } };
  const draw = async (id: string, copy: number, seed = 42): Promise<unknown> =>
    (await transformOriginal(original, { ...drawing, seed }, { id, copy }, undefined)).drawn;
  const first = await draw('1', 0);
  expect(await draw('1', 0)).toEqual(first);
  for (const other of [await draw('2', 0), await draw('1', 1), await draw('1', 0, 43)])
    expect(other).not.toEqual(first);
});

test('a box that is given is cut out, and all else is drawn as without it', async () => {
  const bytes = await photograph(1);
  const original = { bytes, sha256: sha256Of(bytes) };
  const drawing = { ...work, transform: { ...work.transform, flip: 0.5, rotate: 20 } };
  const draw = async (box?: Parameters<typeof transformOriginal>[2]['box']): Promise<object> =>
    (
      await transformOriginal(
        original,
        drawing,
        { id: '1', copy: 0, ...(box === undefined ? {} : { box }) },
        undefined,
      )
    ).drawn;
  const whole = await draw();
  expect(await draw(null)).toEqual(whole);
  expect(await draw({ left: 30, top: 5, width: 99, height: 7 })).toEqual({
    ...whole,
    cropLeft: 30,
    cropTop: 5,
    cropWidth: 10,
    cropHeight: 7,
  });
  await expect(draw({ left: 40, top: 0, width: 1, height: 1 })).rejects.toMatchObject({
    code: 'CROP_INVALID',
  });
});

test('an image waits for the memory that decoding and its changes need', async () => {
  const bytes = await photograph(1);
  const original = { bytes, sha256: sha256Of(bytes) };
  const held: number[] = [];
  const gate = {
    hold: async (sizeBytes: number, make: () => Promise<unknown>) => {
      held.push(sizeBytes);
      return make();
    },
  } as unknown as MemoryGate;
  const { transform } = work;
  const changes = [{}, { brightness: 0.5 }, { rotate: 90 }, { brightness: 0.5, rotate: 90 }];
  for (const change of changes)
    await transformOriginal(
      original,
      { ...work, transform: { ...transform, ...change } },
      { id: '1', copy: 0 },
      undefined,
      gate,
    );
  const { memoryBytes } = await readHeader(bytes, work);
  // One more copy of the pixels for colours, and two for a rotation.
  const pixels = 3 * 40 * 60;
  expect(held).toEqual([0, 1, 2, 3].map((count) => memoryBytes + count * pixels));
});
