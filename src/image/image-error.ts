import { messageOf, PixlakeError } from '../errors.ts';

/** Turns what libvips says of an encoded image into a {@link PixlakeError} with an `IMAGE_…` code. */
export function toImageError(error: unknown, bytes: Uint8Array = new Uint8Array()): PixlakeError {
  if (error instanceof PixlakeError) return error;
  const message = messageOf(error).split('\n').join('; ');
  if (
    /unsupported image format|Input buffer has corrupt header/iu.test(message) &&
    !/jpe?g|png|webp/iu.test(message)
  ) {
    // libvips takes a file that is cut within its first bytes for one of another format.
    return isSigned(bytes)
      ? new PixlakeError('IMAGE_CORRUPT', 'cut off or damaged within the header', { cause: error })
      : new PixlakeError('IMAGE_UNSUPPORTED', 'not an image in a known format', { cause: error });
  }
  const code = /pixel limit|too large|exceeds/iu.test(message) ? 'IMAGE_TOO_LARGE' : 'IMAGE_CORRUPT';
  return new PixlakeError(code, message, { cause: error });
}

/** Whether the first bytes are those of a JPEG, PNG, GIF or WebP. */
function isSigned(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return /^(?:\u00ff\u00d8\u00ff|\u0089PNG\r\n|GIF8[79]a|RIFF[\s\S]{4}WEBP)/u.test(start);
}
