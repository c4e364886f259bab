/** What a JPEG's markers tell; `width` and `height` in pixels as stored, before the orientation is applied. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 for gray, 3 for colours. */
  readonly channels: 1 | 3;
  /** EXIF orientation, 1 to 8 (https://exiftool.org/TagNames/EXIF.html); 1 is upright. */
  readonly orientation: number;
  readonly isProgressive: boolean;
  /** Whether a decoder holds all coefficients at once: progressive ones, and those with a scan for each channel. */
  readonly isHeldWhole: boolean;
}

/** What the frame tells. */
type JpegFrame = Omit<JpegHeader, 'orientation' | 'isHeldWhole'>;

const MARKER = {
  startOfImage: 0xd8,
  startOfScan: 0xda,
  jfif: 0xe0,
  exif: 0xe1,
  profile: 0xe2,
  adobe: 0xee,
} as const;

/** Frames that libjpeg decodes to 8 bits: baseline, extended sequential and progressive, each with Huffman codes. */
const FRAMES = new Set([0xc0, 0xc1, 0xc2]);

/**
 * Reads the markers before the first scan of a plain JPEG: 8 bits, gray or three channels, no colour profile, EXIF that is in order. Gives
 * `undefined` for all else, also for what may be a JPEG to a more lenient reader. See ITU-T T.81, annex B.
 */
export function parseJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0xff00 + MARKER.startOfImage) return undefined;
  let frame: JpegFrame | undefined;
  let orientation: number | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    // Markers may be preceded by any number of fill bytes.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // Markers without a length have no place here.
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd9)) return undefined;
    const start = at + 4;
    const end = at + 2 + view.getUint16(at + 2);
    if (end < start || end > bytes.length) return undefined;
    if (marker === MARKER.startOfScan) {
      const scanned = frame && bytes[start];
      if (frame === undefined || scanned === undefined || !isUsualScan(bytes, end, frame)) return undefined;
      const isHeldWhole = frame.isProgressive || scanned < frame.channels;
      return { ...frame, isHeldWhole, orientation: orientation ?? 1 };
    }
    const segment = (): DataView => new DataView(view.buffer, view.byteOffset + start, end - start);
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      if (frame !== undefined || !FRAMES.has(marker)) return undefined;
      frame = parseFrame(segment(), marker === 0xc2);
      if (frame === undefined) return undefined;
    }
    // Decoders warn of these, and read them all the same.
    if (marker === MARKER.jfif && bytes[start + 5] !== 1 && startsWith(segment(), 'JFIF\0')) return undefined;
    if (marker === MARKER.adobe && (bytes[start + 11] ?? 0) > 1 && startsWith(segment(), 'Adobe'))
      return undefined;
    if (marker === MARKER.profile && startsWith(segment(), 'ICC_PROFILE\0')) return undefined;
    if (marker === MARKER.exif && startsWith(segment(), 'Exif\0\0')) {
      const found = orientation === undefined ? parseOrientation(segment()) : undefined;
      if (found === undefined) return undefined;
      orientation = found;
    }
    at = end;
  }
  return undefined;
}

/** Whether a scan that ends its header at `end` takes all coefficients at once, as a sequential one has to (T.81, table B.3). */
function isUsualScan(bytes: Uint8Array, end: number, { isProgressive }: JpegFrame): boolean {
  return isProgressive || (bytes[end - 3] === 0 && bytes[end - 2] === 63 && bytes[end - 1] === 0);
}

function parseFrame(segment: DataView, isProgressive: boolean): JpegFrame | undefined {
  if (segment.byteLength < 6) return undefined;
  const [bits, channels] = [segment.getUint8(0), segment.getUint8(5)];
  const [height, width] = [segment.getUint16(1), segment.getUint16(3)];
  const isWhole = segment.byteLength === 6 + 3 * channels;
  if (bits !== 8 || !isWhole || width === 0 || height === 0) return undefined;
  return channels === 1 || channels === 3 ? { width, height, channels, isProgressive } : undefined;
}

/** 1 where EXIF says nothing; `undefined` where it is not in order, since readers then disagree. */
function parseOrientation(segment: DataView): number | undefined {
  const tiff = 6;
  if (segment.byteLength < tiff + 8) return undefined;
  const order = segment.getUint16(tiff);
  const isLittle = order === 0x4949;
  if (!isLittle && order !== 0x4d4d) return undefined;
  if (segment.getUint16(tiff + 2, isLittle) !== 42) return undefined;
  const directory = tiff + segment.getUint32(tiff + 4, isLittle);
  if (directory + 2 > segment.byteLength) return undefined;
  const count = segment.getUint16(directory, isLittle);
  if (directory + 2 + 12 * count > segment.byteLength) return undefined;
  let orientation: number | undefined;
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + 12 * index;
    if (segment.getUint16(entry, isLittle) !== 0x0112) continue;
    const isShort =
      segment.getUint16(entry + 2, isLittle) === 3 && segment.getUint32(entry + 4, isLittle) === 1;
    const value = segment.getUint16(entry + 8, isLittle);
    if (!isShort || value < 1 || value > 8 || orientation !== undefined) return undefined;
    orientation = value;
  }
  return orientation ?? 1;
}

function startsWith(segment: DataView, text: string): boolean {
  if (segment.byteLength < text.length) return false;
  for (let index = 0; index < text.length; index++)
    if (segment.getUint8(index) !== text.charCodeAt(index)) return false;
  return true;
}
