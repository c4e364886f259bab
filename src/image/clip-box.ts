import { PixlakeError } from '../errors.ts';
import type { CropBox } from './transforms/crop.ts';
import type { Size } from './transforms/define-transform.ts';

/** A box as a row gives it, in pixels of the upright image. */
export interface GivenBox {
  readonly left: number | null;
  readonly top: number | null;
  readonly width: number | null;
  readonly height: number | null;
}

/**
 * The whole pixels of an image that a box touches: its sides are rounded outward, so that nothing of an object is cut off, and what lies outside of
 * the image is left out.
 *
 * @throws `CROP_INVALID` if a number is missing, not finite, or a size not above zero, or if the box lies outside of the image
 */
export function clipBox({ left, top, width, height }: GivenBox, image: Size): CropBox {
  if (left === null || top === null || width === null || height === null)
    throw invalid(`left ${left}, top ${top}, width ${width}, height ${height} has a null`);
  const box = `${width} x ${height} at ${left}, ${top}`;
  if (![left, top, width, height].every(Number.isFinite)) throw invalid(`${box} is not finite`);
  if (width <= 0 || height <= 0) throw invalid(`${box} has no area`);
  const [cropLeft, cropTop] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top))];
  const cropWidth = Math.min(image.width, Math.ceil(left + width)) - cropLeft;
  const cropHeight = Math.min(image.height, Math.ceil(top + height)) - cropTop;
  if (cropWidth <= 0 || cropHeight <= 0)
    throw invalid(`${box} lies outside of the image of ${image.width} x ${image.height} pixels`);
  return { cropLeft, cropTop, cropWidth, cropHeight };
}

function invalid(reason: string): PixlakeError {
  return new PixlakeError('CROP_INVALID', `the crop box cannot be cut out: ${reason}`);
}
