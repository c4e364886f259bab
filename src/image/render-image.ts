import { applyTransform, encodePixels, resizePixels, toColour } from './apply-transform.ts';
import type { Pixels } from './configured-sharp.ts';
import { fitInto } from './fit-into.ts';
import { type JpegHeader, parseJpegHeader } from './jpeg-header.ts';
import {
  type KernelImage,
  MAX_KERNEL_PIXELS,
  type PixelKernel,
  type Place,
  withKernel,
} from './pixel-kernel.ts';
import type { DrawnTransform, Transform } from './transform.ts';

/** The pixels that a model takes. */
export interface ModelSize {
  readonly width: number;
  readonly height: number;
  readonly fit: Transform['fit'];
}

/** A transformed and encoded image, and its pixels in the size that a model takes if one was named. */
export interface RenderedImage {
  readonly width: number;
  readonly height: number;
  readonly encoded: Uint8Array;
  readonly input: Pixels | undefined;
}

/**
 * Version of the rules by which pixels are made. A run is the work of one version: its images would differ, if slightly, where another one
 * went on with it.
 */
export const PIXELS_VERSION = 2;

/** Stored pixels of images that are decoded at a fraction of their size; progressive ones are kept whole meanwhile. */
const MAX_STORED_PIXELS = 100_000_000;

/**
 * Transforms and encodes an image: plain JPEGs in WebAssembly, all else with sharp, and what WebAssembly refuses too, so that sharp has the last
 * word on what is damaged.
 *
 * @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED`
 */
export async function renderImage(
  bytes: Uint8Array,
  transform: Transform,
  drawn: DrawnTransform,
  model?: ModelSize,
): Promise<RenderedImage> {
  const header = parseJpegHeader(bytes);
  if (header !== undefined && transform.format === 'jpeg' && fitsKernel(header, transform, drawn)) {
    const rendered = withKernel((kernel) => render(kernel, bytes, header, transform, drawn, model));
    if (rendered !== undefined) return rendered;
  }
  const pixels = await transformPixels(bytes, header, transform, drawn);
  const { width, height } = pixels;
  const encoded = await encodePixels(pixels, transform);
  return { width, height, encoded, input: model && (await resizePixels(pixels, model)) };
}

async function transformPixels(
  bytes: Uint8Array,
  header: JpegHeader | undefined,
  transform: Transform,
  drawn: DrawnTransform,
): Promise<Pixels> {
  if (header !== undefined && transform.format !== 'jpeg' && fitsKernel(header, transform, drawn)) {
    const pixels = withKernel((kernel) => kernel.toPixels(draw(kernel, bytes, header, transform, drawn)));
    if (pixels !== undefined) return pixels;
  }
  return applyTransform(bytes, transform, drawn);
}

function render(
  kernel: PixelKernel,
  bytes: Uint8Array,
  header: JpegHeader,
  transform: Transform,
  drawn: DrawnTransform,
  model: ModelSize | undefined,
): RenderedImage {
  const canvas = draw(kernel, bytes, header, transform, drawn);
  const { width, height } = canvas;
  const encoded = kernel.encode(canvas, transform.quality);
  return { width, height, encoded, input: model && fitModel(kernel, canvas, model) };
}

function fitsKernel(header: JpegHeader, transform: Transform, drawn: DrawnTransform): boolean {
  if (drawn.rotation !== 0 || drawn.blur !== 0) return false;
  const pixelCount = header.width * header.height;
  const decodedCount = (pixelCount * chooseEighths(transform, drawn) ** 2) / 64;
  const isKept = header.isProgressive && pixelCount > MAX_KERNEL_PIXELS;
  const isSmall = decodedCount <= MAX_KERNEL_PIXELS && transform.size ** 2 <= MAX_KERNEL_PIXELS;
  return isSmall && !isKept && pixelCount <= MAX_STORED_PIXELS;
}

/**
 * The size to decode to, in eighths: the DCT shrinks at no cost, but less well than the cubic, so that this is left with a factor of two at least.
 */
function chooseEighths(
  { size, fit }: Transform,
  { cropWidth: width, cropHeight: height }: DrawnTransform,
): number {
  const { box, place } = fitInto({ width, height }, { width: size, height: size }, fit);
  const scale = Math.max(place.width / box.width, place.height / box.height);
  return [1, 2, 4].find((eighths) => eighths / 8 >= 2 * scale) ?? 8;
}

/** Decodes, crops, brightens, resizes, flips and pads, in this order. */
function draw(
  kernel: PixelKernel,
  bytes: Uint8Array,
  header: JpegHeader,
  transform: Transform,
  drawn: DrawnTransform,
): KernelImage {
  const { size, fit, background } = transform;
  const eighths = chooseEighths(transform, drawn);
  const image = kernel.decode(bytes, eighths, header);
  const scale = eighths / 8;
  const crop = {
    left: drawn.cropLeft * scale,
    top: drawn.cropTop * scale,
    width: drawn.cropWidth * scale,
    height: drawn.cropHeight * scale,
  };
  const left = Math.floor(crop.left);
  const top = Math.floor(crop.top);
  const bounds: Place = {
    left,
    top,
    width: Math.min(image.width, Math.ceil(crop.left + crop.width)) - left,
    height: Math.min(image.height, Math.ceil(crop.top + crop.height)) - top,
  };
  if (drawn.brightness !== 1) kernel.lookUp(image, bounds, brightnessTable(drawn.brightness));
  const { canvas, box, place } = fitInto(crop, { width: size, height: size }, fit);
  const output = kernel.canvas('output', canvas.width, canvas.height);
  const seen = { ...box, left: crop.left + box.left, top: crop.top + box.top };
  kernel.resample(image, seen, bounds, output, place, drawn.isFlipped);
  // Padding comes last, so that it has exactly the background's colour whatever was done to the image.
  kernel.pad(output, place, toColour(background));
  return output;
}

function fitModel(kernel: PixelKernel, image: KernelImage, { width, height, fit }: ModelSize): Pixels {
  if (image.width === width && image.height === height) return kernel.toPixels(image);
  const { canvas, box, place } = fitInto(image, { width, height }, fit);
  const input = kernel.canvas('model', canvas.width, canvas.height);
  const bounds = { left: 0, top: 0, width: image.width, height: image.height };
  kernel.resample(image, box, bounds, input, place, false);
  kernel.pad(input, place, [255, 255, 255]);
  return kernel.toPixels(input);
}

function brightnessTable(factor: number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => Math.min(255, Math.round(value * factor)));
}
