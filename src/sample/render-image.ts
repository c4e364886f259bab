import sharp from 'sharp';
import type { Quirk } from './quirks.ts';
import { createRandom } from './random.ts';

const ODD_SIZES = [
  [53, 80],
  [60, 60],
  [45, 80],
  [60, 71],
] as const;

/** Bytes of an image file: a JPEG of 60x80, unless the quirk says otherwise; `nth` tells quirks of one kind apart. */
export async function renderImage(
  svg: string,
  seed: number,
  id: number,
  quirk: Quirk | undefined,
  nth: number,
): Promise<Buffer> {
  const image = sharp(Buffer.from(svg)).flatten({ background: '#ffffff' });
  const jpeg = { quality: 88 };
  switch (quirk) {
    case 'zeroBytes':
      return Buffer.alloc(0);
    case 'truncated': {
      const bytes = await image.jpeg(jpeg).toBuffer();
      return bytes.subarray(0, Math.floor(bytes.length * 0.6));
    }
    case 'corrupt': {
      const bytes = await image.jpeg(jpeg).toBuffer();
      const random = createRandom(seed, 'corrupt', id);
      return Buffer.concat([
        bytes.subarray(0, 160),
        Buffer.from(Array.from({ length: 600 }, () => random.below(256))),
      ]);
    }
    case 'grayscale':
      return image.toColourspace('b-w').jpeg(jpeg).toBuffer();
    case 'oddSize': {
      const [width, height] = ODD_SIZES[nth % ODD_SIZES.length] ?? ODD_SIZES[0];
      return image.resize(width, height, { fit: 'cover' }).jpeg(jpeg).toBuffer();
    }
    case 'pngNamedJpg':
      return image.png().toBuffer();
    case 'exifRotated': {
      // Stored lying on its side, with the tag that says how to turn it upright.
      const turned = await image.rotate(-90).png().toBuffer();
      return sharp(turned).withMetadata({ orientation: 6 }).jpeg(jpeg).toBuffer();
    }
    case 'withIcc':
      return image.withIccProfile('srgb').jpeg(jpeg).toBuffer();
    default:
      return image.jpeg(jpeg).toBuffer();
  }
}
