import type { Sharp } from 'sharp';
import { PixlakeError } from '../errors.ts';
import { openEncoded, openRaw } from './configured-sharp.ts';
import { countText } from './formats/image-structure.ts';
import type { ImageHeader } from './read-header.ts';

/** Largest value of 12 bits. A 16-bit image with smaller values would be shown as black. */
const MAX_12_BITS = 4095;

/** Largest value of a channel that is shown. */
const MAX_8_BITS = 255;

/** Side in pixels of the sample that shows for most 16-bit images that they use their range. */
const SAMPLE_SIDE = 64;

/**
 * Opens an image for decoding. Values that would be shown as black or cut off are refused, because nobody would notice: 12 bits in 16, and numbers
 * that are not 0 to 255.
 *
 * @throws `IMAGE_UNSUPPORTED`
 */
export async function openImage(header: ImageHeader): Promise<Sharp> {
  if (header.values === 'sixteen') await checkRange(header);
  if (header.values === 'numbers') await checkNumbers(header);
  return openEncoded(header.bytes);
}

/** Above this, decoding to full size costs more memory than it saves time. */
const LARGE_PIXELS = 2_000_000;

/** Decodes a whole image, so all damage is found. @throws `IMAGE_UNSUPPORTED`, and what libvips says of damage */
export async function decodeWhole(header: ImageHeader): Promise<void> {
  const image = await openImage(header);
  // Shrinking while decoding still reads every byte of the entropy-coded data, but needs little memory.
  if (header.width * header.height > LARGE_PIXELS) image.resize(8, 8, { fit: 'fill' });
  await image.raw().toBuffer();
}

/**
 * Opens an image, upright and in sRGB, of which a part is wanted. Decoders stop after the last requested row. Unless they keep the
 * whole image anyway, all of it is decoded here, because the verdict must not depend on the part.
 *
 * @throws `IMAGE_UNSUPPORTED`, and what libvips says of damage
 */
export async function openPart(
  header: ImageHeader,
  part: { readonly width: number; readonly height: number },
): Promise<Sharp> {
  // Otherwise the background of a gray image would be gray.
  const upright = (opened: Sharp): Sharp => opened.autoOrient().pipelineColourspace('srgb');
  const { width, height } = header;
  const isWhole = part.width === width && part.height === height;
  if (isWhole || header.isHeldWhole) return upright(await openImage(header));
  if (width * height > LARGE_PIXELS) {
    await decodeWhole(header);
    return upright(await openImage(header));
  }
  const { data, info } = await upright(await openImage(header))
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return openRaw(data, info).pipelineColourspace('srgb');
}

async function checkRange(header: ImageHeader): Promise<void> {
  const { data, info } = await openEncoded(header.bytes)
    .resize(SAMPLE_SIDE, SAMPLE_SIDE, { fit: 'fill', kernel: 'nearest', fastShrinkOnLoad: false })
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const sample = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  const colours = colourChannels(info.channels);
  if (sample.some((value, index) => index % info.channels < colours && value > MAX_12_BITS)) return;
  const { max } = await rangeOf(header);
  if (max === 0 || max > MAX_12_BITS) return;
  throw unusual(header, `no value of its 16 bits is above ${countText(max)}, so it would be shown as black`);
}

async function checkNumbers(header: ImageHeader): Promise<void> {
  const { min, max, isBlack } = await rangeOf(header);
  const isShown = min >= 0 && max <= MAX_8_BITS && (max > 1 || isBlack);
  if (isShown) return;
  const range = min === 0 && max === 0 ? 'all below 1' : `${round(min)} to ${round(max)}`;
  throw unusual(header, `its values are ${range}, not 0 to ${MAX_8_BITS}`);
}

/** The smallest and the largest value, which libvips cuts to whole numbers, and whether all are zero. */
async function rangeOf({
  bytes,
  channels,
}: ImageHeader): Promise<{ min: number; max: number; isBlack: boolean }> {
  const stats = await openEncoded(bytes).stats();
  const colours = stats.channels.slice(0, colourChannels(channels));
  return {
    min: Math.min(...colours.map(({ min }) => min)),
    max: Math.max(...colours.map(({ max }) => max)),
    isBlack: colours.every(({ mean, stdev }) => mean === 0 && stdev === 0),
  };
}

/** Channels without transparency. */
function colourChannels(channels: number): number {
  return channels === 2 || channels === 4 ? channels - 1 : channels;
}

function unusual({ format }: ImageHeader, what: string): PixlakeError {
  const message = `${format.toUpperCase()}: ${what}; scale the values to 8 bits, or to the whole range of 16`;
  return new PixlakeError('IMAGE_UNSUPPORTED', message);
}

function round(value: number): string {
  return String(Number(value.toPrecision(6)));
}
