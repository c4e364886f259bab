/** What the structure of an encoded image tells without decoding a pixel; a field is left out where the file does not tell. */
export interface ImageStructure {
  readonly format: ImageFormat;
  /** As a reason names it, such as `JPEG` or `HEIC`. */
  readonly name: string;
  /** Size in pixels as stored, before an orientation is applied. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Samples of a pixel once it is decoded. */
  readonly channels: number;
  /** Bits of a channel. */
  readonly bitDepth: number;
  /** Images in the file: the frames of an animation or the pages of a document. */
  readonly frames: number;
  /** Whether an orientation turns the image, for which a decoder holds all of it. */
  readonly isTurned: boolean;
  /** Whether a decoder holds the whole image while it decodes, as it must for a progressive JPEG or an interlaced PNG. */
  readonly isHeldWhole: boolean;
  /** Rows that a decoder makes at once at least; 1 for most formats. */
  readonly rowsAtOnce: number;
  /** What it is, where that would be decoded to wrong pixels: it is refused untried. */
  readonly refused: string | undefined;
  /** What it is, where no decoder here is known to read that: it explains a failure. */
  readonly unsupported: string | undefined;
}

/** Formats of pixels, as `image_format` names them. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'heif' | 'avif';

/** What most images have in common. */
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

/** More parts of a file than this are not looked at: a part may be a few bytes, and each that is remembered takes many more. */
export const MAX_PARTS = 100_000;

/** A whole number of `size` bytes; `undefined` where it would end behind the last byte. */
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

/** Bytes as Latin-1 text, fewer than asked for at the end of the file. */
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

/** The name of a chunk or box, which in a damaged file may be any four bytes. */
export function nameText(type: string): string {
  return type.trim().replaceAll(/[^\w ]/gu, '?');
}
