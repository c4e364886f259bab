import { PixlakeError } from '../errors.ts';
import { openEncoded } from './configured-sharp.ts';
import { toImageError } from './image-error.ts';
import { type ImageHeader, readHeader } from './read-header.ts';

/** What became of an original: `ok` can be decoded whole; the others say why not. */
export type ImageStatus = 'ok' | 'empty' | 'corrupt' | 'too_large' | 'unsupported';

/** Facts about an encoded image; `width` and `height` are in pixels as it is shown, EXIF orientation applied; null where unknown. */
export interface ImageFacts {
  readonly status: ImageStatus;
  readonly reason: string | null;
  readonly format: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly channels: number | null;
}

/** Above this, decoding to full size costs more memory than it saves time. */
const LARGE_PIXELS = 2_000_000;

const UNKNOWN = { format: null, width: null, height: null, channels: null };

/** Reads an image's header and decodes all of it once, so that a cut or damaged file is found now and not in the middle of a run. */
export async function probeImage(bytes: Uint8Array): Promise<ImageFacts> {
  if (bytes.length === 0) return { ...UNKNOWN, status: 'empty', reason: 'the file has zero bytes' };
  let header: ImageHeader | typeof UNKNOWN = UNKNOWN;
  try {
    header = await readHeader(bytes);
    const { width, height } = header;
    const image = openEncoded(bytes);
    // Shrinking while decoding still reads every byte of the entropy-coded data, but needs little memory.
    if (width * height > LARGE_PIXELS) image.resize(8, 8, { fit: 'fill' });
    await image.raw().toBuffer();
    return { ...header, status: 'ok', reason: null };
  } catch (error) {
    const { code, message } = toImageError(error, bytes);
    return { ...header, status: toStatus(code), reason: message };
  }
}

function toStatus(code: PixlakeError['code']): ImageStatus {
  if (code === 'IMAGE_TOO_LARGE') return 'too_large';
  return code === 'IMAGE_UNSUPPORTED' ? 'unsupported' : 'corrupt';
}
