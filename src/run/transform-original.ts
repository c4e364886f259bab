import { hash } from 'node:crypto';
import { drawTransform } from '../image/draw-transform.ts';
import { readHeader } from '../image/read-header.ts';
import { type ModelSize, type RenderedImage, renderImage } from '../image/render-image.ts';
import type { DrawnTransform, Transform } from '../image/transform.ts';

/** A transformed copy of an original: what it was made from, and the parameters as drawn. */
export interface TransformedOriginal {
  readonly rendered: RenderedImage;
  readonly original: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly drawn: DrawnTransform;
}

/**
 * Transforms one copy of an encoded original, whose hash is known. The draws depend on seed, id and copy alone, so that the same image comes of
 * it in a run and one by one.
 *
 * @param model size in which a model takes the image too
 * @throws `IMAGE_…`
 */
export async function transformOriginal(
  { bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256: string },
  { transform, seed }: { readonly transform: Transform; readonly seed: number },
  { id, copy }: { readonly id: string; readonly copy: number },
  model: ModelSize | undefined,
): Promise<TransformedOriginal> {
  const { width, height, jpeg } = await readHeader(bytes);
  const drawn = drawTransform(transform, { width, height }, { seed, id, copy });
  const rendered = await renderImage(bytes, transform, drawn, model, jpeg);
  return { rendered, original: { width, height, sha256 }, drawn };
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
