import type { Sharp } from 'sharp';
import { openPixels, type Pixels } from './configured-sharp.ts';
import { toImageError } from './image-error.ts';
import { MAX_KERNEL_PIXELS } from './kernel-images.ts';
import { memoryGate } from './memory-gate.ts';
import { openImage, openPart } from './open-image.ts';
import { withKernel } from './pixel-kernel.ts';
import { type ImageHeader, readHeader } from './read-header.ts';
import { applyColours, changesColours, type DrawnTransform, type Transform } from './transform.ts';
import type { Size } from './transforms/define-transform.ts';
import { targetSize } from './transforms/resize.ts';

/**
 * Decodes an image and applies a drawn transform, giving 8-bit sRGB pixels; enlarging and shrinking are bicubic (Catmull-Rom).
 *
 * @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED`
 */
export async function applyTransform(
  bytes: Uint8Array,
  transform: Transform,
  drawn: DrawnTransform,
  header?: ImageHeader,
): Promise<Pixels> {
  const { background } = transform;
  try {
    let { cropWidth: width, cropHeight: height } = drawn;
    const opened = await openPart(header ?? (await readHeader(bytes)), { width, height });
    let image = opened
      .extract({ left: drawn.cropLeft, top: drawn.cropTop, width, height })
      .flatten({ background });
    // libvips has its own order within a pipeline, so steps that must come before the resize get a separate pipeline.
    if (changesColours(drawn)) image = openPixels(recolour(await toPixels(image), drawn));
    if (drawn.rotation !== 0) {
      const rotated = await toPixels(image.rotate(drawn.rotation, { background }));
      ({ width, height } = rotated);
      image = openPixels(rotated);
    }
    image = image.resize({ ...contentSize(transform, width, height), kernel: 'cubic' });
    if (drawn.isFlipped) image = image.flop();
    if (drawn.blur > 0) image = image.blur(drawn.blur);
    const content = await toPixels(image);
    // Padding comes last, so it has exactly the colour of the background.
    return transform.fit === 'contain' ? pad(content, targetSize(transform.size), background) : content;
  } catch (error) {
    throw toImageError(error, bytes);
  }
}

/**
 * Decodes an image unchanged, for a model.
 *
 * @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED`, `WORKER_TOO_SMALL`
 */
export async function decodePixels(bytes: Uint8Array): Promise<Pixels> {
  try {
    const header = await readHeader(bytes);
    return await memoryGate().hold(header.memoryBytes, async () => {
      const image = await openImage(header);
      return toPixels(image.autoOrient().pipelineColourspace('srgb').flatten({ background: '#ffffff' }));
    });
  } catch (error) {
    throw toImageError(error, bytes);
  }
}

/** Resizes pixels to a model's input. */
export async function resizePixels(
  pixels: Pixels,
  target: { readonly width: number; readonly height: number; readonly fit: Transform['fit'] },
): Promise<Pixels> {
  if (pixels.width === target.width && pixels.height === target.height) return pixels;
  const { width, height, fit } = target;
  return toPixels(openPixels(pixels).resize({ width, height, fit, kernel: 'cubic', background: '#ffffff' }));
}

/** Encodes pixels in the transform's format and quality. No metadata is written, so equal pixels give equal bytes. */
export async function encodePixels(
  pixels: Pixels,
  transform: Pick<Transform, 'format' | 'quality'>,
): Promise<Buffer> {
  const { format, quality } = transform;
  if (format === 'jpeg' && pixels.width * pixels.height <= MAX_KERNEL_PIXELS) {
    const encoded = withKernel((kernel) => kernel.encode(kernel.load(pixels), quality));
    if (encoded !== undefined) return Buffer.from(encoded.buffer);
  }
  // With a quality, PNG would be reduced to a palette of colours.
  return openPixels(pixels)
    .toFormat(format, format === 'png' ? {} : { quality })
    .toBuffer();
}

/** Changes colours in place. */
function recolour(pixels: Pixels, drawn: DrawnTransform): Pixels {
  const { bytes, width, height } = pixels;
  const rows = Array.from({ length: height }, (_, row) =>
    bytes.subarray(row * width * 3, (row + 1) * width * 3),
  );
  applyColours(rows, drawn);
  return pixels;
}

function contentSize(
  { fit, size }: Transform,
  width: number,
  height: number,
): { width: number; height: number; fit: 'cover' | 'fill' } {
  const target = targetSize(size);
  if (fit === 'cover' || fit === 'fill') return { ...target, fit };
  const scale = Math.min(target.width / width, target.height / height);
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return { width: side(width), height: side(height), fit: 'fill' };
}

async function toPixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) return { bytes: data, width, height };
  // libvips keeps gray images in one channel.
  const bytes = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++)
    bytes.fill(data[pixel * channels] ?? 0, pixel * 3, pixel * 3 + 3);
  return { bytes, width, height };
}

/** The parts of `#rrggbb`. */
export function toColour(background: string): [number, number, number] {
  const part = (start: number): number => Number.parseInt(background.slice(start, start + 2), 16);
  return [part(1), part(3), part(5)];
}

function pad(content: Pixels, { width, height }: Size, background: string): Pixels {
  if (content.width === width && content.height === height) return content;
  const bytes = Buffer.alloc(width * height * 3, Buffer.from(toColour(background)));
  const left = Math.floor((width - content.width) / 2);
  const top = Math.floor((height - content.height) / 2);
  const rowBytes = content.width * 3;
  for (let row = 0; row < content.height; row++) {
    const start = row * rowBytes;
    bytes.set(content.bytes.subarray(start, start + rowBytes), ((top + row) * width + left) * 3);
  }
  return { bytes, width, height };
}
