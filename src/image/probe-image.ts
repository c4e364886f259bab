import type { PixlakeError } from '../errors.ts';
import { toImageError } from './image-error.ts';
import { DEFAULT_LIMITS, type ImageLimits } from './image-limits.ts';
import { inspectImage } from './inspect-image.ts';
import { type MemoryGate, memoryGate } from './memory-gate.ts';
import { decodeWhole } from './open-image.ts';
import { readHeader } from './read-header.ts';

/** Status of an original: `ok` if all of it can be decoded, otherwise the kind of problem. */
export type ImageStatus = 'ok' | 'empty' | 'corrupt' | 'too_large' | 'unsupported';

/** Facts about an encoded image; `width` and `height` are in pixels as it is shown, EXIF orientation applied; null where unknown. */
export interface ImageFacts {
  readonly status: ImageStatus;
  readonly reason: string | null;
  readonly format: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly channels: number | null;
  /** Frames of an animation or pages of a document, of which the first one is decoded. */
  readonly frames: number | null;
  /** Bits of a channel. */
  readonly bitDepth: number | null;
}

const UNKNOWN = {
  format: null,
  width: null,
  height: null,
  channels: null,
  frames: null,
  bitDepth: null,
};

/**
 * Reads an image's header and decodes all of it once, so a damaged file is found now and not in the middle of a run.
 *
 * @throws `WORKER_TOO_SMALL` if the limits allow an image that does not fit into the memory of this machine
 */
export async function probeImage(
  bytes: Uint8Array,
  limits: ImageLimits = DEFAULT_LIMITS,
  gate: MemoryGate = memoryGate(),
): Promise<ImageFacts> {
  if (bytes.length === 0) return { ...UNKNOWN, status: 'empty', reason: 'the file has zero bytes' };
  let facts: Omit<ImageFacts, 'status' | 'reason'> = UNKNOWN;
  try {
    const header = await readHeader(bytes, limits);
    const { format, width, height, channels, frames, bitDepth } = header;
    facts = { format, width, height, channels, frames, bitDepth };
    await gate.hold(header.memoryBytes, async () => decodeWhole(header));
    return { ...facts, status: 'ok', reason: null };
  } catch (error) {
    const { code, message } = toImageError(error, bytes);
    if (code === 'WORKER_TOO_SMALL') throw error;
    return { ...facts, format: facts.format ?? formatOf(bytes), status: toStatus(code), reason: message };
  }
}

function formatOf(bytes: Uint8Array): string | null {
  return inspectImage(bytes)?.format ?? null;
}

function toStatus(code: PixlakeError['code']): ImageStatus {
  if (code === 'IMAGE_TOO_LARGE') return 'too_large';
  return code === 'IMAGE_UNSUPPORTED' ? 'unsupported' : 'corrupt';
}
