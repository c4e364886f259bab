import { messageOf, PixlakeError } from '../errors.ts';

/** Turns what libvips says of an input into a {@link PixlakeError} with an `IMAGE_…` code. */
export function toImageError(error: unknown): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const message = messageOf(error).split('\n').join('; ');
  if (
    /unsupported image format|Input buffer has corrupt header/iu.test(message) &&
    !/jpe?g|png|webp/iu.test(message)
  ) {
    return new PixlakeError('IMAGE_UNSUPPORTED', 'not an image in a known format', { cause: error });
  }
  const code = /pixel limit|too large|exceeds/iu.test(message) ? 'IMAGE_TOO_LARGE' : 'IMAGE_CORRUPT';
  return new PixlakeError(code, message, { cause: error });
}
