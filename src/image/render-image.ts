import { applyTransform, encodePixels, toColour } from './apply-transform.ts';
import type { Pixels } from './configured-sharp.ts';
import { type Fitted, fitInto } from './fit-into.ts';
import type { JpegHeader } from './jpeg-header.ts';
import type { ImageAddress } from './instantiate-kernel.ts';
import { MAX_KERNEL_PIXELS, type TensorTarget, type Resampling } from './kernel-images.ts';
import { type PixelKernel, withKernel } from './pixel-kernel.ts';
import { type ImageHeader, readHeader } from './read-header.ts';
import {
  applyColours,
  changesColours,
  type DrawnTransform,
  isInKernel,
  type Transform,
} from './transform.ts';
import { targetSize } from './transforms/resize.ts';
import { writeTensor } from './write-tensor.ts';

/** A transformed and encoded image. */
export interface RenderedImage {
  readonly width: number;
  readonly height: number;
  readonly encoded: Uint8Array;
}

/**
 * Version of the rules for making pixels. A run uses one version: its images would differ slightly if another one
 * continued it.
 */
export const PIXELS_VERSION = 4;

/** Stored pixels of images that are decoded at a fraction of their size; progressive ones are kept whole meanwhile. */
const MAX_STORED_PIXELS = 100_000_000;

/**
 * Transforms and encodes an image: plain JPEGs in WebAssembly, everything else, and what WebAssembly refuses, with sharp, which has the last
 * word on what is damaged.
 *
 * @param model where a model's values of the transformed image go
 * @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED`
 */
export async function renderImage(
  bytes: Uint8Array,
  transform: Transform,
  drawn: DrawnTransform,
  model?: TensorTarget,
  header?: ImageHeader,
): Promise<RenderedImage> {
  const read = header ?? (await readHeader(bytes));
  const { jpeg } = read;
  if (jpeg !== undefined && transform.format === 'jpeg' && fitsKernel(jpeg, transform, drawn)) {
    const rendered = withKernel((kernel) => render(kernel, read.bytes, jpeg, transform, drawn, model));
    if (rendered !== undefined) return rendered;
  }
  const pixels = await transformPixels(bytes, read, transform, drawn);
  const { width, height } = pixels;
  const encoded = await encodePixels(pixels, transform);
  if (model !== undefined) await writeTensor(pixels, model);
  return { width, height, encoded };
}

async function transformPixels(
  bytes: Uint8Array,
  header: ImageHeader,
  transform: Transform,
  drawn: DrawnTransform,
): Promise<Pixels> {
  const { jpeg } = header;
  if (jpeg !== undefined && transform.format !== 'jpeg' && fitsKernel(jpeg, transform, drawn)) {
    const pixels = withKernel((kernel) =>
      kernel.toPixels(draw(kernel, header.bytes, jpeg, transform, drawn, false).address),
    );
    if (pixels !== undefined) return pixels;
  }
  return applyTransform(bytes, transform, drawn, header);
}

function render(
  kernel: PixelKernel,
  bytes: Uint8Array,
  header: JpegHeader,
  transform: Transform,
  drawn: DrawnTransform,
  model: TensorTarget | undefined,
): RenderedImage {
  const image = draw(kernel, bytes, header, transform, drawn, staysPlanar(header, drawn));
  const { width, height } = kernel.sizeOf(image.address);
  const encoded = kernel.encode(image.address, transform.quality);
  if (model !== undefined) kernel.toTensor(fitModel(kernel, image, model), model);
  return { width, height, encoded };
}

/** If colours do not change, JPEGs stay in the planes in which they are stored, with half the samples and no conversion of colours. */
function staysPlanar({ orientation }: JpegHeader, drawn: DrawnTransform): boolean {
  return orientation === 1 && !changesColours(drawn);
}

function fitsKernel(header: JpegHeader, transform: Transform, drawn: DrawnTransform): boolean {
  if (!isInKernel(drawn)) return false;
  const pixelCount = header.width * header.height;
  const decodedCount = (pixelCount * chooseEighths(transform, drawn) ** 2) / 64;
  const isKept = header.isProgressive && pixelCount > MAX_KERNEL_PIXELS;
  const target = targetSize(transform.size);
  const isSmall = decodedCount <= MAX_KERNEL_PIXELS && target.width * target.height <= MAX_KERNEL_PIXELS;
  return isSmall && !isKept && pixelCount <= MAX_STORED_PIXELS;
}

/**
 * The size to decode to, in eighths. Shrinking in the DCT is free, but worse than cubic resampling, which keeps a factor of at least two.
 */
function chooseEighths(
  { size, fit }: Transform,
  { cropWidth: width, cropHeight: height }: DrawnTransform,
): number {
  const { box, place } = fitInto({ width, height }, targetSize(size), fit);
  const scale = Math.max(place.width / box.width, place.height / box.height);
  return [1, 2, 4].find((eighths) => eighths / 8 >= 2 * scale) ?? 8;
}

/** An image on a canvas of the kernel, in planes or as RGB. */
interface DrawnImage {
  readonly address: ImageAddress;
  readonly isPlanar: boolean;
}

/** Decodes, crops, changes colours, resizes, flips and pads, in this order; in planes where that is allowed and the image has them. */
function draw(
  kernel: PixelKernel,
  bytes: Uint8Array,
  header: JpegHeader,
  transform: Transform,
  drawn: DrawnTransform,
  mayBePlanar: boolean,
): DrawnImage {
  const eighths = chooseEighths(transform, drawn);
  const planes = mayBePlanar ? kernel.decodePlanes(bytes, eighths, header) : undefined;
  const image = planes ?? kernel.decode(bytes, eighths, header);
  const { canvas, ...resampling } = planCrop(kernel.sizeOf(image), transform, drawn);
  if (changesColours(drawn)) applyColours(kernel.rowsOf(image, resampling.bounds), drawn);
  const isPlanar = planes !== undefined;
  const address = kernel.canvas('written', isPlanar ? 'subsampled' : 'rgb', canvas.width, canvas.height);
  kernel.resample(image, address, resampling);
  // Padding comes last, so it has exactly the colour of the background.
  kernel.pad(address, resampling.place, toColour(transform.background));
  return { address, isPlanar };
}

/** Where the crop box of a decoded image, which may be decoded at a fraction of its size, goes on which canvas. */
function planCrop(
  image: { readonly width: number; readonly height: number },
  transform: Transform,
  drawn: DrawnTransform,
): Resampling & Pick<Fitted, 'canvas'> {
  const { size, fit } = transform;
  const scale = chooseEighths(transform, drawn) / 8;
  const crop = {
    left: drawn.cropLeft * scale,
    top: drawn.cropTop * scale,
    width: drawn.cropWidth * scale,
    height: drawn.cropHeight * scale,
  };
  const left = Math.floor(crop.left);
  const top = Math.floor(crop.top);
  const bounds = {
    left,
    top,
    width: Math.min(image.width, Math.ceil(crop.left + crop.width)) - left,
    height: Math.min(image.height, Math.ceil(crop.top + crop.height)) - top,
  };
  const { canvas, box, place } = fitInto(crop, targetSize(size), fit);
  const seen = { ...box, left: crop.left + box.left, top: crop.top + box.top };
  return { canvas, box: seen, bounds, place, isFlipped: drawn.isFlipped };
}

/** The image as RGB in the size that a model takes. */
function fitModel(
  kernel: PixelKernel,
  { address, isPlanar }: DrawnImage,
  { format }: TensorTarget,
): ImageAddress {
  const { width, height } = kernel.sizeOf(address);
  if (!isPlanar && width === format.width && height === format.height) return address;
  const { canvas, box, place } = fitInto({ width, height }, format, format.resize);
  const resampling = { box, bounds: { left: 0, top: 0, width, height }, place, isFlipped: false };
  const input = kernel.canvas('model', 'rgb', canvas.width, canvas.height);
  const resized = isPlanar ? kernel.canvas('model', 'fine', canvas.width, canvas.height) : input;
  kernel.resample(address, resized, resampling);
  if (isPlanar) kernel.merge(resized, input);
  kernel.pad(input, place, [255, 255, 255]);
  return input;
}
