import { crc32 } from 'node:zlib';
import {
  countText,
  cutOff,
  type ImageStructure,
  MAX_PARTS,
  numberAt,
  PLAIN,
  textAt,
} from './image-structure.ts';

const SIGNATURE = '\u0089PNG\r\n\u001a\n';

/** Channels by colour type (PNG specification, table 11.1); a palette holds three. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

/** A chunk: `at` is where its length begins, `end` the first byte behind its checksum. */
interface Chunk {
  readonly type: string;
  readonly at: number;
  readonly end: number;
}

/** What the chunks of a PNG tell; `undefined` for other files. */
export function readPngStructure(bytes: Uint8Array): ImageStructure | undefined {
  const signature = textAt(bytes, 0, 8);
  // One that was mangled by a transfer as text is still meant to be a PNG.
  if (signature.slice(0, 4) !== SIGNATURE.slice(0, 4)) return undefined;
  const base: ImageStructure = { ...PLAIN, format: 'png', name: 'PNG' };
  if (signature !== SIGNATURE || textAt(bytes, 12, 4) !== 'IHDR') return base;
  const chunks = [...listChunks(bytes)];
  const find = (type: string): Chunk | undefined => chunks.find((chunk) => chunk.type === type);
  const colourType = numberAt(bytes, 25, 1) ?? 2;
  const bits = numberAt(bytes, 24, 1) ?? 8;
  const hasAlpha = colourType < 4 && find('tRNS') !== undefined;
  return {
    ...base,
    width: numberAt(bytes, 16, 4),
    height: numberAt(bytes, 20, 4),
    // The entries of a palette have 8 bits, however few are needed to name one.
    bitDepth: colourType === 3 ? 8 : bits,
    channels: (CHANNELS[colourType] ?? 3) + (hasAlpha ? 1 : 0),
    isHeldWhole: numberAt(bytes, 28, 1) === 1,
    isTurned: find('eXIf') !== undefined,
    // Only as many as there are, whatever the header of the animation claims.
    frames: Math.max(1, chunks.filter(({ type }) => type === 'fcTL').length),
  };
}

/** Where a PNG that cannot be decoded is damaged, as far as its chunks tell. */
export function findPngDamage(bytes: Uint8Array): string | undefined {
  if (textAt(bytes, 0, 8) !== SIGNATURE)
    return bytes.length < 8 ? cutOff('within its header') : 'its signature is damaged';
  let hasPixels = false;
  for (const { type, at, end } of listChunks(bytes)) {
    const place = `its ${type} chunk at byte ${countText(at)}`;
    if (!/^[A-Za-z]{4}$/u.test(type))
      return `there is no chunk at byte ${countText(at)}, where one should begin`;
    if (end > bytes.length) return cutOff(`within ${place}`);
    const isCritical = /^[A-Z]/u.test(type);
    const checksum = numberAt(bytes, end - 4, 4);
    if (isCritical && crc32(bytes.subarray(at + 4, end - 4)) !== checksum)
      return `the checksum of ${place} is wrong`;
    if (type === 'IDAT') hasPixels = true;
    if (type === 'IEND') return hasPixels ? undefined : 'it holds no pixel data';
  }
  return cutOff('before its IEND chunk');
}

function* listChunks(bytes: Uint8Array): Generator<Chunk> {
  let count = 0;
  for (let at = 8; at + 8 <= bytes.length && count < MAX_PARTS; count++) {
    const type = textAt(bytes, at + 4, 4);
    const end = at + 12 + (numberAt(bytes, at, 4) ?? 0);
    yield { type, at, end };
    if (type === 'IEND') return;
    at = end;
  }
}
