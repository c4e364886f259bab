import {
  countText,
  cutOff,
  type ImageStructure,
  MAX_PARTS,
  nameText,
  numberAt,
  PLAIN,
  textAt,
} from './image-structure.ts';

/** A box of an ISO base media file (ISO/IEC 14496-12): its content lies from `start` to `end`. */
interface Box {
  readonly type: string;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

const STILL_BRANDS = new Set([
  'avif',
  'avis',
  'heic',
  'heix',
  'heim',
  'heis',
  'hevc',
  'hevx',
  'mif1',
  'mif2',
  'msf1',
]);

/** Codecs by the type of an item. */
const CODECS: Readonly<Record<string, string>> = {
  av01: 'AV1',
  hvc1: 'HEVC',
  hev1: 'HEVC',
  lhv1: 'HEVC',
  avc1: 'H.264',
  vvc1: 'VVC',
  evc1: 'EVC',
  jpeg: 'JPEG',
  j2k1: 'JPEG 2000',
  unci: 'uncompressed pixels',
};

/** What the boxes of an AVIF, HEIC or HEIF tell; `undefined` for other files. */
export function readIsoMediaStructure(bytes: Uint8Array): ImageStructure | undefined {
  const brands = readBrands(bytes);
  if (!brands.some((brand) => STILL_BRANDS.has(brand))) return undefined;
  const codec = findCodec(bytes);
  const container = nameContainer(brands);
  const meta = findBox(bytes, ['meta']);
  const [width, height] = findSize(bytes);
  const av1 = findProperty(bytes, 'av1C');
  const hevc = findProperty(bytes, 'hvcC');
  const isSequenceOnly = meta === undefined && findBox(bytes, ['moov']) !== undefined;
  const unsupported = isSequenceOnly
    ? `a sequence inside ${container} without a still image`
    : codec === undefined || codec === 'AV1'
      ? undefined
      : `${codec} inside ${container}`;
  return {
    ...PLAIN,
    format: codec === 'AV1' ? 'avif' : 'heif',
    name: codec === 'AV1' ? 'AVIF' : container,
    width,
    height,
    bitDepth:
      av1 === undefined
        ? 8 + (hevc === undefined ? 0 : (bytes[hevc.start + 17] ?? 0) & 7)
        : av1Depth(bytes, av1),
    channels: findProperty(bytes, 'auxC') === undefined ? 3 : 4,
    frames: countFrames(bytes),
    isHeldWhole: true,
    isTurned: (findProperty(bytes, 'irot') ?? findProperty(bytes, 'imir')) !== undefined,
    unsupported,
  };
}

/** Where an AVIF, HEIC or HEIF that cannot be decoded is damaged, as far as its boxes tell. */
export function findIsoMediaDamage(bytes: Uint8Array): string | undefined {
  for (const { type, at, end } of listBoxes(bytes, 0, bytes.length))
    if (end > bytes.length) return cutOff(`within its ${nameText(type)} box at byte ${countText(at)}`);
  return findBox(bytes, ['meta']) === undefined ? 'its meta box is missing' : undefined;
}

/** Gives an animated AVIF as a still one, which its first frame is by another name: libvips goes by the name. The same bytes for all else. */
export function repairIsoMedia(bytes: Uint8Array): Uint8Array {
  const isSequence = ['avis', 'msf1'].includes(textAt(bytes, 8, 4));
  if (!isSequence || findCodec(bytes) !== 'AV1') return bytes;
  const repaired = Buffer.from(bytes);
  repaired.write('avif', 8, 'latin1');
  return repaired;
}

/** The major brand and the compatible ones; none where the file is of another kind. */
export function readBrands(bytes: Uint8Array): string[] {
  if (textAt(bytes, 4, 4) !== 'ftyp') return [];
  const end = Math.min(numberAt(bytes, 0, 4) ?? 0, bytes.length, 1024);
  const brands = [textAt(bytes, 8, 4)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(textAt(bytes, at, 4));
  return brands;
}

function nameContainer(brands: readonly string[]): string {
  if (brands.some((brand) => brand.startsWith('avi'))) return 'AVIF';
  return brands.some((brand) => brand.startsWith('he')) ? 'HEIC' : 'HEIF';
}

function* listBoxes(bytes: Uint8Array, from: number, to: number): Generator<Box> {
  let count = 0;
  for (let at = from; at + 8 <= to && count < MAX_PARTS; count++) {
    const short = numberAt(bytes, at, 4) ?? 0;
    const isLong = short === 1;
    const size = isLong ? (numberAt(bytes, at + 8, 8) ?? 0) : short === 0 ? to - at : short;
    const start = at + (isLong ? 16 : 8);
    if (at + size < start) return;
    yield { type: textAt(bytes, at + 4, 4), at, start, end: at + size };
    at += size;
  }
}

/** Bytes of a box before the boxes within it. */
const PREFIX: Readonly<Record<string, number>> = { meta: 4 };

function findBox(bytes: Uint8Array, path: readonly string[]): Box | undefined {
  let box: Box | undefined;
  for (const type of path) {
    const from = box === undefined ? 0 : box.start + (PREFIX[box.type] ?? 0);
    const to = Math.min(box?.end ?? bytes.length, bytes.length);
    box = [...listBoxes(bytes, from, to)].find((candidate) => candidate.type === type);
    if (box === undefined) return undefined;
  }
  return box;
}

function listProperties(bytes: Uint8Array): Box[] {
  const container = findBox(bytes, ['meta', 'iprp', 'ipco']);
  return container === undefined
    ? []
    : [...listBoxes(bytes, container.start, Math.min(container.end, bytes.length))];
}

function findProperty(bytes: Uint8Array, type: string): Box | undefined {
  return listProperties(bytes).find((property) => property.type === type);
}

/** The largest size of all items: tiles and thumbnails are smaller than the image. */
function findSize(bytes: Uint8Array): [number | undefined, number | undefined] {
  const areas = listProperties(bytes)
    .filter(({ type }) => type === 'ispe')
    .map(({ start }) => [numberAt(bytes, start + 4, 4) ?? 0, numberAt(bytes, start + 8, 4) ?? 0] as const);
  const [largest] = areas.sort((a, b) => b[0] * b[1] - a[0] * a[1]);
  return largest === undefined ? [undefined, undefined] : [largest[0], largest[1]];
}

/** The codec of the primary item, or of its tiles. */
function findCodec(bytes: Uint8Array): string | undefined {
  const table = findBox(bytes, ['meta', 'iinf']);
  if (table === undefined) return undefined;
  const isShort = bytes[table.start] === 0;
  const items = [...listBoxes(bytes, table.start + (isShort ? 6 : 8), Math.min(table.end, bytes.length))];
  const types = items.map(({ start }) => {
    // Item ids are 32 bits wide from version 3 on.
    const isWide = (bytes[start] ?? 2) >= 3;
    return {
      id: numberAt(bytes, start + 4, isWide ? 4 : 2),
      type: textAt(bytes, start + (isWide ? 10 : 8), 4),
    };
  });
  const primary = findBox(bytes, ['meta', 'pitm']);
  const id = primary && numberAt(bytes, primary.start + 4, bytes[primary.start] === 0 ? 2 : 4);
  const own = CODECS[types.find((item) => item.id === id)?.type ?? ''];
  return own ?? types.map(({ type }) => CODECS[type]).find((codec) => codec !== undefined);
}

/** Depth in an AV1 codec configuration (AV1 in ISOBMFF, 2.3). */
function av1Depth(bytes: Uint8Array, { start }: Box): number {
  const flags = bytes[start + 2] ?? 0;
  if ((flags & 0x40) === 0) return 8;
  return flags & 0x20 ? 12 : 10;
}

/** Samples of the first track of an animation; 1 for a still image. */
function countFrames(bytes: Uint8Array): number {
  const sizes = findBox(bytes, ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsz']);
  if (sizes === undefined) return 1;
  const [size = 0, count = 1] = [numberAt(bytes, sizes.start + 4, 4), numberAt(bytes, sizes.start + 8, 4)];
  // Sizes are listed one by one unless all are the same; a damaged count may be any number.
  const most = size === 0 ? (sizes.end - sizes.start - 12) / 4 : bytes.length / size;
  return Math.max(1, Math.min(count, Math.floor(most)));
}
