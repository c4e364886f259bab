import { hash } from 'node:crypto';
import { drawTransform } from '../image/draw-transform.ts';
import type { ImageLimits } from '../image/image-limits.ts';
import { type MemoryGate, memoryGate } from '../image/memory-gate.ts';
import { readHeader } from '../image/read-header.ts';
import { type ModelSize, type RenderedImage, renderImage } from '../image/render-image.ts';
import type { DrawnTransform, Transform } from '../image/transform.ts';

/** A transformed copy of an original: what it was made from, and the drawn parameters. */
export interface TransformedOriginal {
  readonly rendered: RenderedImage;
  readonly original: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly drawn: DrawnTransform;
}

/**
 * Transforms one copy of an encoded original with a known hash. The draws depend only on seed, id and copy, so the result is the same
 * in a run and for a single image.
 *
 * @param model size in which a model takes the image too
 * @param gate makes the image wait for free memory
 * @throws `IMAGE_…`, `WORKER_TOO_SMALL`
 */
export async function transformOriginal(
  { bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256: string },
  work: ImageLimits & { readonly transform: Transform; readonly seed: number },
  { id, copy }: { readonly id: string; readonly copy: number },
  model: ModelSize | undefined,
  gate: MemoryGate = memoryGate(),
): Promise<TransformedOriginal> {
  const { transform, seed } = work;
  const header = await readHeader(bytes, work);
  const { width, height } = header;
  const drawn = drawTransform(transform, { width, height }, { seed, id, copy });
  const rendered = await gate.hold(header.memoryBytes + pixelBytes(drawn), async () =>
    renderImage(bytes, transform, drawn, model, header),
  );
  return { rendered, original: { width, height, sha256 }, drawn };
}

/** Memory for the pixels that brightness and rotation work on as a whole; it is not a property of the image, so no limit includes it. */
function pixelBytes({ cropWidth, cropHeight, brightness, rotation }: DrawnTransform): number {
  const stepCount = (brightness === 1 ? 0 : 1) + (rotation === 0 ? 0 : 2);
  return 3 * cropWidth * cropHeight * stepCount;
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
