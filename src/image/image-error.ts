import { PixlakeError } from '../errors.ts';
import { explainFailure } from './inspect-image.ts';

/** Turns a failure to decode an image into a {@link PixlakeError} with an `IMAGE_…` code, which depends only on the bytes. */
export function toImageError(error: unknown, bytes: Uint8Array): PixlakeError {
  return error instanceof PixlakeError ? error : explainFailure(bytes, error);
}
