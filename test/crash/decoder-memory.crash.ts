import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { makeTestFolder } from '../support/pixlake.ts';

const SCRIPT = join(import.meta.dirname, '../support/measure-decode.mjs');
const MIB = 1024 ** 2;

/** Drawn without a gradient: the decoder takes the memory that it takes for a photograph, but soon. */
const draw = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } });

/** Each takes memory in a way of its own. */
const IMAGES: Readonly<Record<string, (side: number) => Promise<Buffer>>> = {
  'baseline JPEG': (side) => draw(side, side).jpeg().toBuffer(),
  'progressive JPEG': (side) =>
    draw(side, side).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  'JPEG on its side': (side) => draw(side, side).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  PNG: (side) => draw(side, side).png({ compressionLevel: 1 }).toBuffer(),
  'interlaced PNG': (side) => draw(side, side).png({ compressionLevel: 1, progressive: true }).toBuffer(),
  'interlaced PNG of 16 bits': (side) =>
    draw(side, side).toColourspace('rgb16').png({ compressionLevel: 1, progressive: true }).toBuffer(),
  WebP: (side) => draw(side, side).webp({ effort: 0 }).toBuffer(),
  'lossless WebP with transparency': (side) =>
    draw(side, side).ensureAlpha(0.5).webp({ effort: 0, lossless: true }).toBuffer(),
  AVIF: (side) => draw(side, side).avif({ effort: 0 }).toBuffer(),
  'AVIF of 10 bits': (side) => draw(side, side).avif({ effort: 0, bitdepth: 10 }).toBuffer(),
  GIF: (side) => draw(side, side).gif({ effort: 1 }).toBuffer(),
  'TIFF in strips': (side) => draw(side, side).tiff({ compression: 'lzw' }).toBuffer(),
  'TIFF in tiles': (side) => draw(side, side).tiff({ compression: 'deflate', tile: true }).toBuffer(),
};

const hasPeak = existsSync('/proc/self/status');
if (!hasPeak) console.warn('skipped: only Linux tells the peak of a process');

describe.runIf(hasPeak)('the memory of a decoder', () => {
  test.each(Object.entries(IMAGES))('is within the estimate: %s', async (_, make) => {
    const folder = await makeTestFolder();
    const [small, large] = [join(folder, 'small'), join(folder, 'large')];
    await writeFile(small, await make(32));
    await writeFile(large, await make(2400));
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, small, large]);
    const found = JSON.parse(stdout) as { grownBytes: number; memoryBytes: number };
    expect(found.grownBytes).toBeLessThanOrEqual(found.memoryBytes);
    // An estimate that is far beyond would refuse images that fit.
    expect(found.memoryBytes).toBeLessThan(2 * found.grownBytes + 40 * MIB);
  });
});
