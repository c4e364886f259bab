import { PixlakeError } from '../errors.ts';
import { MAX_PIXELS, openEncoded } from './configured-sharp.ts';
import { toImageError } from './image-error.ts';
import { type JpegHeader, parseJpegHeader } from './jpeg-header.ts';

/** What an image's header tells: `width` and `height` in pixels as it is shown, EXIF orientation applied. */
export interface ImageHeader {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** What the markers of a plain JPEG tell. */
  readonly jpeg: JpegHeader | undefined;
}

/** Formats of pixels. libvips also draws SVG and PDF, but those are programs rather than images, and slow ones if they want to be. */
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif', 'avif', 'jxl']);

/** Reads the header of an encoded image. @throws `IMAGE_CORRUPT`, `IMAGE_TOO_LARGE`, `IMAGE_UNSUPPORTED` */
export async function readHeader(bytes: Uint8Array): Promise<ImageHeader> {
  const jpeg = parseJpegHeader(bytes);
  if (jpeg !== undefined && jpeg.width * jpeg.height <= MAX_PIXELS) {
    const { width, height, channels, orientation } = jpeg;
    const isSwapped = orientation >= 5;
    return {
      format: 'jpeg',
      channels,
      width: isSwapped ? height : width,
      height: isSwapped ? width : height,
      jpeg,
    };
  }
  try {
    const { format: container, compression, channels, autoOrient } = await openEncoded(bytes).metadata();
    // libvips names the container, which AVIF shares with HEIC.
    const format = compression === 'av1' ? 'avif' : container;
    if (FORMATS.has(format)) return { format, channels, ...autoOrient, jpeg };
    throw new PixlakeError('IMAGE_UNSUPPORTED', `${format} is no format of pixels`);
  } catch (error) {
    throw toImageError(error, bytes);
  }
}
