import { cutOff, type ImageStructure, MAX_PARTS, numberAt, PLAIN, textAt } from './image-structure.ts';

const MARKER = { restart: 0xd0, startOfImage: 0xd8, endOfImage: 0xd9, startOfScan: 0xda } as const;

/** Frames of ITU-T T.81 table B.1 and T.87 that libjpeg does not decode. */
const UNSUPPORTED_FRAMES: Readonly<Record<number, string>> = {
  0xc3: 'a lossless JPEG',
  0xc5: 'a hierarchical JPEG',
  0xc6: 'a hierarchical JPEG',
  0xc7: 'a hierarchical JPEG',
  0xc9: 'a JPEG with arithmetic coding',
  0xca: 'a JPEG with arithmetic coding',
  0xcb: 'a lossless JPEG',
  0xcd: 'a hierarchical JPEG',
  0xce: 'a hierarchical JPEG',
  0xcf: 'a hierarchical JPEG',
  0xf7: 'a JPEG-LS image',
};

/** A marker segment: `at` is where its marker begins, `end` the first byte behind it. */
interface Segment {
  readonly marker: number;
  readonly at: number;
  readonly end: number;
}

/** What the markers of a JPEG tell (ITU-T T.81, annex B); `undefined` for other files. */
export function readJpegStructure(bytes: Uint8Array): ImageStructure | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== MARKER.startOfImage) return undefined;
  const { segments } = listSegments(bytes);
  const frame = segments.find(isFrame);
  const base: ImageStructure = { ...PLAIN, format: 'jpeg', name: 'JPEG' };
  if (frame === undefined) return base;
  const [bits = 8, height, width, channels = 3] = [
    numberAt(bytes, frame.at + 4, 1),
    numberAt(bytes, frame.at + 5, 2),
    numberAt(bytes, frame.at + 7, 2),
    numberAt(bytes, frame.at + 9, 1),
  ];
  const scan = segments.find(({ marker }) => marker === MARKER.startOfScan);
  const hasSeveralScans = scan !== undefined && (numberAt(bytes, scan.at + 4, 1) ?? 0) < channels;
  const depth = bits === 8 ? undefined : `a JPEG with ${bits} bits per channel`;
  const isUsual = channels === 1 || channels === 3 || channels === 4;
  return {
    ...base,
    width,
    height,
    channels,
    bitDepth: bits,
    isHeldWhole: frame.marker === 0xc2 || frame.marker === 0xca || hasSeveralScans,
    isTurned: segments.some((segment) => turns(bytes, segment)),
    unsupported:
      UNSUPPORTED_FRAMES[frame.marker] ?? depth ?? (isUsual ? undefined : `a JPEG with ${channels} channels`),
  };
}

/** Where a JPEG that cannot be decoded is damaged, as far as its segments tell. */
export function findJpegDamage(bytes: Uint8Array): string | undefined {
  const { segments, isCut } = listSegments(bytes);
  const scan = segments.find(({ marker }) => marker === MARKER.startOfScan);
  if (scan === undefined) return isCut ? cutOff('within its header') : 'its header is damaged';
  if (!segments.some(isFrame)) return 'its header names no size';
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const last = end.lastIndexOf(Buffer.from([0xff, MARKER.endOfImage]));
  return last < scan.end ? cutOff('before its end marker') : undefined;
}

/**
 * Gives a JPEG without what makes decoders warn though no pixel is damaged: stray bytes between segments, a version of JFIF or a colour transform
 * that does not exist, and spectral limits in scans that have none (as Samsung's phones write). The same bytes where nothing of that is there.
 */
export function repairJpeg(bytes: Uint8Array): Uint8Array {
  const { segments, isCut } = listSegments(bytes);
  const frame = segments.find(isFrame);
  const last = segments.at(-1);
  if (isCut || frame === undefined || last?.marker !== MARKER.startOfScan) return bytes;
  const isSequential = frame.marker === 0xc0 || frame.marker === 0xc1;
  const channels = numberAt(bytes, frame.at + 9, 1) ?? 3;
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let isChanged = false;
  let known = 2;
  for (const segment of segments) {
    // A copy, which `slice` of a `Buffer` is not.
    const part = Buffer.from(bytes.subarray(segment.at, segment.end));
    isChanged = patchSegment(part, segment.marker, isSequential, channels) || isChanged;
    // Fill bytes before a marker are allowed.
    isChanged ||= bytes.subarray(known, segment.at).some((byte) => byte !== 0xff);
    parts.push(part);
    known = segment.end;
  }
  const scans = Buffer.from(bytes.subarray(known));
  if (isSequential) isChanged = patchScans(scans) || isChanged;
  return isChanged ? Buffer.concat([...parts, scans]) : bytes;
}

/** Corrects a segment in place as libjpeg reads it after its warning. */
function patchSegment(segment: Uint8Array, marker: number, isSequential: boolean, channels: number): boolean {
  if (marker === 0xe0 && textAt(segment, 4, 5) === 'JFIF\0' && segment[9] !== 1) {
    segment[9] = 1;
    return true;
  }
  if (marker === 0xee && segment.length >= 16 && textAt(segment, 4, 5) === 'Adobe') {
    // None, YCbCr for three channels or YCCK for four; of any other libjpeg takes the latter.
    const transform = channels === 4 ? 2 : 1;
    if (segment[15] === 0 || segment[15] === transform) return false;
    segment[15] = transform;
    return true;
  }
  return marker === MARKER.startOfScan && isSequential && patchScan(segment);
}

/** Spectral selection and successive approximation of a sequential scan: all coefficients at once (T.81, table B.3). */
function patchScan(segment: Uint8Array): boolean {
  const at = segment.length - 3;
  if (segment[at] === 0 && segment[at + 1] === 63 && segment[at + 2] === 0) return false;
  segment.set([0, 63, 0], at);
  return true;
}

/** Corrects the later scans of a sequential JPEG that has several. */
function patchScans(scans: Uint8Array): boolean {
  let isChanged = false;
  for (let at = scans.indexOf(0xff); at >= 0; at = scans.indexOf(0xff, at + 1)) {
    const marker = scans[at + 1] ?? 0;
    if (marker === MARKER.endOfImage) break;
    if (marker < 0xc0 || marker === 0xff || (marker >= 0xd0 && marker <= 0xd7)) continue;
    const length = numberAt(scans, at + 2, 2) ?? 0;
    if (length < 2 || at + 2 + length > scans.length) break;
    if (marker === MARKER.startOfScan)
      isChanged = patchScan(scans.subarray(at, at + 2 + length)) || isChanged;
    at += 1 + length;
  }
  return isChanged;
}

function isFrame({ marker }: Segment): boolean {
  if (marker === 0xf7) return true;
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** The segments up to the first scan, as libjpeg finds them: stray bytes and markers that do not belong there are passed over. */
function listSegments(bytes: Uint8Array): { segments: Segment[]; isCut: boolean } {
  const segments: Segment[] = [];
  let at = 2;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return { segments, isCut: true };
    const marker = bytes[at + 1];
    if (marker === undefined) return { segments, isCut: true };
    if (marker === MARKER.endOfImage) return { segments, isCut: false };
    if (marker < 0xc0 || marker === 0xff || (marker >= MARKER.restart && marker <= MARKER.startOfImage)) {
      at += 1;
      continue;
    }
    const length = numberAt(bytes, at + 2, 2);
    if (length === undefined || at + 2 + length > bytes.length) return { segments, isCut: true };
    if (length < 2) return { segments, isCut: false };
    if (segments.length === MAX_PARTS) return { segments, isCut: false };
    segments.push({ marker, at, end: at + 2 + length });
    if (marker === MARKER.startOfScan) return { segments, isCut: false };
    at += 2 + length;
  }
}

/** Whether a segment is EXIF whose orientation turns the image. */
function turns(bytes: Uint8Array, { marker, at, end }: Segment): boolean {
  if (marker !== 0xe1 || textAt(bytes, at + 4, 6) !== 'Exif\0\0') return false;
  const exif = bytes.subarray(at + 10, end);
  const isLittle = exif[0] === 0x49;
  const directory = numberAt(exif, 4, 4, isLittle) ?? exif.length;
  const count = numberAt(exif, directory, 2, isLittle) ?? 0;
  for (let index = 0; index < count; index++) {
    const entry = directory + 2 + 12 * index;
    if (numberAt(exif, entry, 2, isLittle) !== 0x0112) continue;
    // Some writers store it as a long.
    const size = numberAt(exif, entry + 2, 2, isLittle) === 4 ? 4 : 2;
    return (numberAt(exif, entry + 8, size, isLittle) ?? 1) > 2;
  }
  return false;
}
