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

/** What the chunks of a WebP tell (RFC 9649); `undefined` for other files. */
export function readWebpStructure(bytes: Uint8Array): ImageStructure | undefined {
  if (textAt(bytes, 0, 4) !== 'RIFF' || textAt(bytes, 8, 4) !== 'WEBP') return undefined;
  const base: ImageStructure = { ...PLAIN, format: 'webp', name: 'WebP', isHeldWhole: true };
  const chunks = [...listChunks(bytes)];
  const frames = chunks.filter(({ type }) => type === 'ANMF').length;
  const size = readSize(bytes);
  return {
    ...base,
    ...size,
    frames: Math.max(1, frames),
    isTurned: chunks.some(({ type }) => type === 'EXIF'),
  };
}

/** Where a WebP that cannot be decoded is damaged, as far as its chunks tell. */
export function findWebpDamage(bytes: Uint8Array): string | undefined {
  const declared = (numberAt(bytes, 4, 4, true) ?? 0) + 8;
  for (const { type, at, end } of listChunks(bytes))
    if (end > bytes.length) return cutOff(`within its ${nameText(type)} chunk at byte ${countText(at)}`);
  return declared > bytes.length
    ? cutOff(`at byte ${countText(bytes.length)} of ${countText(declared)}`)
    : undefined;
}

interface Chunk {
  readonly type: string;
  readonly at: number;
  readonly end: number;
}

function* listChunks(bytes: Uint8Array): Generator<Chunk> {
  let count = 0;
  for (let at = 12; at + 8 <= bytes.length && count < MAX_PARTS; count++) {
    const end = at + 8 + (numberAt(bytes, at + 4, 4, true) ?? 0);
    yield { type: textAt(bytes, at, 4), at, end };
    at = end + (end % 2);
  }
}

type Size = Pick<ImageStructure, 'width' | 'height' | 'channels'>;

/** The size that the first chunk tells: of the canvas, of a lossy or of a lossless image. */
function readSize(bytes: Uint8Array): Size {
  const part = (at: number, size: 2 | 3 | 4): number | undefined => numberAt(bytes, at, size, true);
  switch (textAt(bytes, 12, 4)) {
    case 'VP8X':
      return {
        width: plusOne(part(24, 3)),
        height: plusOne(part(27, 3)),
        channels: (bytes[20] ?? 0) & 0x10 ? 4 : 3,
      };
    case 'VP8L': {
      const bits = part(21, 4);
      if (bits === undefined) return NO_SIZE;
      return {
        width: (bits & 0x3fff) + 1,
        height: ((bits >>> 14) & 0x3fff) + 1,
        channels: (bits >>> 28) & 1 ? 4 : 3,
      };
    }
    case 'VP8 ': {
      const [width, height] = [part(26, 2), part(28, 2)];
      if (width === undefined || height === undefined) return NO_SIZE;
      return { width: width & 0x3fff, height: height & 0x3fff, channels: 3 };
    }
    default:
      return NO_SIZE;
  }
}

const NO_SIZE: Size = { width: undefined, height: undefined, channels: 3 };

function plusOne(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value + 1;
}
