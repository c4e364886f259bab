import { MAX_PARTS, numberAt } from './image-structure.ts';

/** A field of a directory; its values begin at `valueAt`. */
export interface TiffEntry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly at: number;
  readonly valueAt: number | undefined;
}

/** An image file directory: one page. */
export interface TiffDirectory {
  readonly at: number;
  readonly entries: readonly TiffEntry[];
  readonly isLittle: boolean;
  readonly isBig: boolean;
}

/** Sizes of the types of values, in bytes (TIFF 6.0, section 2; BigTIFF). */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/** More values of a field than this are not read: files may claim any count. */
const MAX_VALUES = 1_000_000;

const ICC_PROFILE = 34_675;

/** What pixels are decoded by: tags that say how they are stored, the colour profile, and what JPEG compression needs. */
const PIXEL_TAGS = new Set([
  254,
  256,
  257,
  258,
  259,
  262,
  266,
  273,
  274,
  277,
  278,
  279,
  284,
  292,
  293,
  317,
  320,
  322,
  323,
  324,
  325,
  332,
  334,
  338,
  339,
  340,
  341,
  347,
  512,
  513,
  514,
  515,
  517,
  518,
  519,
  520,
  521,
  529,
  530,
  531,
  532,
  ICC_PROFILE,
]);

/** The directories of a TIFF, as far as they can be followed; `undefined` for other files. */
export function listDirectories(bytes: Uint8Array): TiffDirectory[] | undefined {
  const order = numberAt(bytes, 0, 2);
  const isLittle = order === 0x4949;
  const version = numberAt(bytes, 2, 2, isLittle);
  if ((!isLittle && order !== 0x4d4d) || (version !== 42 && version !== 43)) return undefined;
  const isBig = version === 43;
  const directories: TiffDirectory[] = [];
  const seen = new Set<number>();
  let at = numberAt(bytes, isBig ? 8 : 4, isBig ? 8 : 4, isLittle);
  let entryCount = 0;
  while (at !== undefined && at > 0 && !seen.has(at) && entryCount < MAX_PARTS) {
    seen.add(at);
    const directory = readDirectory(bytes, at, isLittle, isBig);
    if (directory === undefined) break;
    directories.push(directory);
    entryCount += directory.entries.length;
    at = numberAt(bytes, nextAt(directory), isBig ? 8 : 4, isLittle);
  }
  return directories;
}

/** Whole numbers of an entry; `undefined` where it holds others, or where they lie beyond the end. */
export function valuesOf(bytes: Uint8Array, entry: TiffEntry, isLittle: boolean): number[] | undefined {
  const size = TYPE_BYTES[entry.type];
  if (entry.valueAt === undefined || (size !== 1 && size !== 2 && size !== 4 && size !== 8)) return undefined;
  const values: number[] = [];
  for (let index = 0; index < Math.min(entry.count, MAX_VALUES); index++) {
    const value = numberAt(bytes, entry.valueAt + index * size, size, isLittle);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

/**
 * Gives a TIFF that holds one directory, with nothing in it but what its pixels are decoded by, in order: damage anywhere else spoils no image.
 * The same bytes where there is nothing else.
 */
export function repairTiff(bytes: Uint8Array): Uint8Array {
  const [first] = listDirectories(bytes) ?? [];
  if (first === undefined) return bytes;
  const { at, isLittle, isBig } = first;
  const end = nextAt(first) + (isBig ? 8 : 4);
  const kept = first.entries.filter((entry) => isKept(bytes, entry)).sort((a, b) => a.tag - b.tag);
  const directory = Buffer.alloc(end - at);
  directory[isLittle ? 0 : isBig ? 7 : 1] = kept.length;
  for (const [index, entry] of kept.entries())
    directory.set(
      bytes.subarray(entry.at, entry.at + entryBytes(isBig)),
      (isBig ? 8 : 2) + index * entryBytes(isBig),
    );
  if (directory.equals(bytes.subarray(at, end))) return bytes;
  const repaired = Buffer.from(bytes);
  repaired.set(directory.subarray(0, Math.max(0, bytes.length - at)), at);
  return repaired;
}

function isKept(bytes: Uint8Array, { tag, type, count, valueAt }: TiffEntry): boolean {
  if (tag !== ICC_PROFILE) return PIXEL_TAGS.has(tag);
  return valueAt !== undefined && valueAt + (TYPE_BYTES[type] ?? 1) * count <= bytes.length;
}

function entryBytes(isBig: boolean): number {
  return isBig ? 20 : 12;
}

/** Where the offset of the next directory lies. */
function nextAt({ at, entries, isBig }: TiffDirectory): number {
  return at + (isBig ? 8 : 2) + entryBytes(isBig) * entries.length;
}

function readDirectory(
  bytes: Uint8Array,
  at: number,
  isLittle: boolean,
  isBig: boolean,
): TiffDirectory | undefined {
  const count = numberAt(bytes, at, isBig ? 8 : 2, isLittle);
  const start = at + (isBig ? 8 : 2);
  if (
    count === undefined ||
    count === 0 ||
    count > MAX_PARTS ||
    start + count * entryBytes(isBig) > bytes.length
  )
    return undefined;
  const entries = Array.from({ length: count }, (_, index) =>
    readEntry(bytes, start + index * entryBytes(isBig), isLittle, isBig),
  );
  return { at, entries, isLittle, isBig };
}

function readEntry(bytes: Uint8Array, at: number, isLittle: boolean, isBig: boolean): TiffEntry {
  const wordBytes = isBig ? 8 : 4;
  const part = (offset: number, size: 2 | 4 | 8): number => numberAt(bytes, at + offset, size, isLittle) ?? 0;
  const [tag, type, count] = [part(0, 2), part(2, 2), part(4, wordBytes)];
  const value = at + 4 + wordBytes;
  const isInline = (TYPE_BYTES[type] ?? 1) * count <= wordBytes;
  return { tag, type, count, at, valueAt: isInline ? value : numberAt(bytes, value, wordBytes, isLittle) };
}
