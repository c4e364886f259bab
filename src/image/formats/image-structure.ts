/** What is known about an encoded image without decoding a pixel. Unknown fields are missing. */
export interface ImageStructure {
  readonly format: ImageFormat;
  /** Name of the format in reasons, such as `JPEG` or `HEIC`. */
  readonly name: string;
  /** Size in pixels as stored, before an orientation is applied. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Samples of a decoded pixel. */
  readonly channels: number;
  /** Bits of a channel. */
  readonly bitDepth: number;
  /** Images in the file: the frames of an animation or the pages of a document. */
  readonly frames: number;
  /** Whether an orientation turns the image, so a decoder keeps all of it in memory. */
  readonly isTurned: boolean;
  /** Whether a decoder keeps the whole image in memory, as for a progressive JPEG or an interlaced PNG. */
  readonly isHeldWhole: boolean;
  /** Minimum number of rows that a decoder makes at once; 1 for most formats. */
  readonly rowsAtOnce: number;
  /** Kind of an image that would be decoded to wrong pixels. It is refused without decoding. */
  readonly refused: string | undefined;
  /** Kind of an image that no decoder here can read. It explains a failure. */
  readonly unsupported: string | undefined;
}

/** Formats of pixels, as `image_format` names them. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'heif' | 'avif';

/** Common values of most images. */
export const PLAIN = {
  width: undefined,
  height: undefined,
  channels: 3,
  bitDepth: 8,
  frames: 1,
  isTurned: false,
  isHeldWhole: false,
  rowsAtOnce: 1,
  refused: undefined,
  unsupported: undefined,
} as const;

/** Maximum number of parts of a file that are read. A part may be a few bytes, but takes much more memory. */
export const MAX_PARTS = 100_000;

/** A whole number of `size` bytes; `undefined` if it would end after the last byte. */
export function numberAt(
  bytes: Uint8Array,
  at: number,
  size: 1 | 2 | 3 | 4 | 8,
  isLittle = false,
): number | undefined {
  if (at < 0 || at + size > bytes.length) return undefined;
  let value = 0;
  for (let index = 0; index < size; index++)
    value = value * 256 + (bytes[isLittle ? at + size - 1 - index : at + index] ?? 0);
  return value;
}

/** Bytes as Latin-1 text; fewer than `length` at the end of the file. */
export function textAt(bytes: Uint8Array, at: number, length: number): string {
  const part = bytes.subarray(at, at + length);
  return Buffer.from(part.buffer, part.byteOffset, part.length).toString('latin1');
}

/** A count as English text, such as `5,000`. */
export function countText(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/gu, ',');
}

/** The sentence for a file that ends before what it declares. */
export function cutOff(what: string): string {
  return `the file is cut off ${what}`;
}

/** The name of a chunk or box. In a damaged file it may be any four bytes. */
export function nameText(type: string): string {
  return type.trim().replaceAll(/[^\w ]/gu, '?');
}
