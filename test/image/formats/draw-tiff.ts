/** A field of a TIFF: its tag, type and whole numbers; a count where it claims another one; an offset where its values lie elsewhere. */
export interface TiffField {
  readonly tag: number;
  readonly type: 1 | 2 | 3 | 4 | 5 | 7 | 16 | 99;
  readonly values: readonly number[];
  readonly count?: number;
  readonly offset?: number;
}

/** Byte order and width of offsets. */
export interface TiffKind {
  readonly isLittle: boolean;
  readonly isBig: boolean;
}

/** The four kinds of files. */
export const TIFF_KINDS: readonly TiffKind[] = [
  { isLittle: true, isBig: false },
  { isLittle: false, isBig: false },
  { isLittle: true, isBig: true },
  { isLittle: false, isBig: true },
];

const SIZES = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 16: 8, 99: 1 } as const;

/** A TIFF of pages, each behind its values; the last one is followed by that of `next`. Nothing lies behind it. */
export function drawTiff(
  pages: readonly (readonly TiffField[])[],
  { isLittle, isBig }: TiffKind = { isLittle: true, isBig: false },
  next = 0,
): Buffer {
  const wordBytes = isBig ? 8 : 4;
  const number = (value: number, size: number): Buffer => {
    const bytes = Buffer.alloc(size);
    let rest = value;
    for (let index = 0; index < size; index++, rest = Math.floor(rest / 256))
      bytes[isLittle ? index : size - 1 - index] = rest % 256;
    return bytes;
  };
  const order = Buffer.from(isLittle ? 'II' : 'MM');
  const version = isBig ? [number(43, 2), number(8, 2), number(0, 2)] : [number(42, 2)];
  let bytes: Buffer = Buffer.concat([order, ...version, number(0, wordBytes)]);
  let pointerAt = bytes.length - wordBytes;
  for (const fields of pages) {
    const entries: Buffer[] = [];
    for (const { tag, type, values, count = values.length, offset } of fields) {
      let value: Buffer = Buffer.concat(values.map((one) => number(one, SIZES[type])));
      if (offset !== undefined) value = number(offset, wordBytes);
      else if (value.length > wordBytes) {
        const at = bytes.length;
        bytes = Buffer.concat([bytes, value]);
        value = number(at, wordBytes);
      }
      const padded = Buffer.concat([value, Buffer.alloc(wordBytes - value.length)]);
      entries.push(Buffer.concat([number(tag, 2), number(type, 2), number(count, wordBytes), padded]));
    }
    number(bytes.length, wordBytes).copy(bytes, pointerAt);
    bytes = Buffer.concat([bytes, number(fields.length, isBig ? 8 : 2), ...entries, number(next, wordBytes)]);
    pointerAt = bytes.length - wordBytes;
  }
  return bytes;
}
