import { toImageError } from './image-error.ts';
import { memoryGate } from './memory-gate.ts';
import { openImage } from './open-image.ts';
import { readHeader } from './read-header.ts';
import type { Transform } from './transform.ts';

/** A size in pixels for display. A missing side follows from the other one. */
export interface ShownSize {
  readonly width?: number;
  readonly height?: number;
  readonly fit: Transform['fit'];
}

/** Resizes an encoded image for display, as JPEG on a white background. @throws `IMAGE_…`, `WORKER_TOO_SMALL` */
export async function resizeImage(bytes: Uint8Array, size: ShownSize): Promise<Buffer> {
  const header = await readHeader(bytes);
  try {
    return await memoryGate().hold(header.memoryBytes, async () => {
      const image = await openImage(header);
      return image
        .autoOrient()
        .pipelineColourspace('srgb')
        .flatten({ background: '#ffffff' })
        .resize({ ...size, background: '#ffffff' })
        .jpeg({ quality: 90 })
        .toBuffer();
    });
  } catch (error) {
    throw toImageError(error, bytes);
  }
}
