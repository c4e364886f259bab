/** How an image is brought to the target square; `contain` pads with the background, `inside` keeps the aspect ratio without padding. */
export const FITS = ['contain', 'cover', 'fill', 'inside'] as const;

/** Encodings of written images. */
export const FORMATS = ['jpeg', 'webp', 'png', 'avif'] as const;

/** What is done to every image, in this order: random crop, brightness, rotation, resize to the square, flip, blur, padding, encoding. */
export interface Transform {
  /** Largest share of each side that a random crop may cut off, 0 to 0.9; 0.2 keeps 80 to 100 % of each side. */
  readonly crop: number;
  /** Side of the target square, in pixels. */
  readonly size: number;
  readonly fit: (typeof FITS)[number];
  /** Colour of padding and of what shows through transparency, `#rrggbb`. */
  readonly background: string;
  /** Probability of a horizontal flip, 0 to 1. */
  readonly flip: number;
  /** Largest rotation either way, in degrees. */
  readonly rotate: number;
  /** Largest change of brightness either way, as a share: 0.1 multiplies by 0.9 to 1.1. */
  readonly brightness: number;
  /** Largest standard deviation of a Gaussian blur, in pixels of the target. */
  readonly blur: number;
  readonly format: (typeof FORMATS)[number];
  /** Encoder quality, 1 to 100; PNG is lossless and ignores it. */
  readonly quality: number;
}

/** A transform with its random parameters drawn; the crop box is in pixels of the upright original. */
export interface DrawnTransform {
  readonly cropLeft: number;
  readonly cropTop: number;
  readonly cropWidth: number;
  readonly cropHeight: number;
  readonly isFlipped: boolean;
  /** Clockwise, in degrees. */
  readonly rotation: number;
  /** Factor on every channel value. */
  readonly brightness: number;
  /** Standard deviation in pixels; 0 is none. */
  readonly blur: number;
}

/** File name endings of the encodings. */
export const EXTENSIONS: Readonly<Record<Transform['format'], string>> = {
  jpeg: 'jpg',
  webp: 'webp',
  png: 'png',
  avif: 'avif',
};
