/** A plane of 8-bit samples without gaps, `scaleX` by `scaleY` of them for each pixel of its image. */
export interface Plane {
  readonly samples: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly scaleX: number;
  readonly scaleY: number;
}

/** A part of an image; its sides may lie between pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A part of an image in whole pixels. */
export type Place = Box;

/** What is resampled to where. Of the source only what lies within the bounds has an influence. */
export interface Resampling {
  readonly box: Box;
  readonly bounds: Place;
  readonly place: Place;
  readonly isFlipped: boolean;
}

/**
 * How a model takes an image: its size and how an image is brought to it, the order of the values, and for each channel in that order what makes
 * `(value / 255 - mean) / std` of them.
 */
export interface TensorFormat {
  readonly width: number;
  readonly height: number;
  readonly resize: 'contain' | 'cover' | 'fill';
  readonly layout: 'NCHW' | 'NHWC';
  readonly colorOrder: 'RGB' | 'BGR';
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Where the values go that a model takes for one image; there are `width * height * 3` of them. */
export interface TensorTarget {
  readonly format: TensorFormat;
  readonly values: Float32Array;
}

/** Images of more pixels, as decoded or as written, are left to sharp, whose memory is given back. */
export const MAX_KERNEL_PIXELS = 4096 * 4096;
