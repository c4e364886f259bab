import { createHash } from 'node:crypto';
import { applyTransform } from '../image/apply-transform.ts';
import type { Pixels } from '../image/configured-sharp.ts';
import { drawTransform } from '../image/draw-transform.ts';
import { readHeader } from '../image/read-header.ts';
import type { DrawnTransform, Transform } from '../image/transform.ts';

/** A transformed copy of an original: its pixels, what it was made from, and the parameters as drawn. */
export interface TransformedOriginal {
  readonly pixels: Pixels;
  readonly original: { readonly width: number; readonly height: number; readonly sha256: string };
  readonly drawn: DrawnTransform;
}

/**
 * Transforms one copy of an encoded original. The draws depend on seed, id and copy alone, so that the same image comes of it in a run and
 * one by one.
 *
 * @throws `IMAGE_…`
 */
export async function transformOriginal(
  bytes: Uint8Array,
  { transform, seed }: { readonly transform: Transform; readonly seed: number },
  { id, copy }: { readonly id: string; readonly copy: number },
): Promise<TransformedOriginal> {
  const { width, height } = await readHeader(bytes);
  const drawn = drawTransform(transform, { width, height }, { seed, id, copy });
  const pixels = await applyTransform(bytes, transform, drawn);
  return { pixels, original: { width, height, sha256: sha256Of(bytes) }, drawn };
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
