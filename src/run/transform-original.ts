import { clipBox, type GivenBox } from '../image/clip-box.ts';
import { drawTransform } from '../image/draw-transform.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import type { TensorTarget } from '../image/kernel-images.ts';
import { type MemoryGate, memoryGate } from '../image/memory-gate.ts';
import { readHeader } from '../image/read-header.ts';
import { type RenderedImage, renderImage } from '../image/render-image.ts';
import { changesColours, type DrawnTransform, type Transform } from '../image/transform.ts';

/** A transformed copy of an original: what it was made from, and the drawn parameters. */
export interface TransformedOriginal {
  readonly rendered: RenderedImage;
  readonly original: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly drawn: DrawnTransform;
}

/**
 * Transforms one copy of an encoded original, whose hash is known. The draws depend on seed, id and copy alone, so that the same image comes of
 * it in a run and one by one. A box that is given takes the place of the one that is drawn.
 *
 * @param model where a model's values of the image go
 * @param gate makes the image wait for free memory
 * @throws `IMAGE_…`, `CROP_INVALID`, `WORKER_TOO_SMALL`
 */
export async function transformOriginal(
  { bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256: string },
  work: ImageLimits & { readonly transform: Transform; readonly seed: number },
  { id, copy, box = null }: { readonly id: string; readonly copy: number; readonly box?: GivenBox | null },
  model: TensorTarget | undefined,
  gate: MemoryGate = memoryGate(),
): Promise<TransformedOriginal> {
  const { transform, seed } = work;
  const header = await readHeader(bytes, work);
  const { width, height } = header;
  const random = drawTransform(transform, { width, height }, { seed, id, copy });
  const drawn = box === null ? random : { ...random, ...clipBox(box, { width, height }) };
  const rendered = await gate.hold(header.memoryBytes + pixelBytes(drawn), async () =>
    renderImage(bytes, transform, drawn, model, header),
  );
  return { rendered, original: { width, height, sha256 }, drawn };
}

/** Memory for the pixels that changes of colour and rotation work on as a whole. It depends on what is done to the image and tells nothing of the original, so no limit counts it. */
function pixelBytes(drawn: DrawnTransform): number {
  const stepCount = (changesColours(drawn) ? 1 : 0) + (drawn.rotation === 0 ? 0 : 2);
  return 3 * drawn.cropWidth * drawn.cropHeight * stepCount;
}
