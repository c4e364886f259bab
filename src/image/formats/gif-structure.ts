import { cutOff, type ImageStructure, numberAt, PLAIN, textAt } from './image-structure.ts';

/** What the blocks of a GIF tell (GIF89a specification); `undefined` for other files. */
export function readGifStructure(bytes: Uint8Array): ImageStructure | undefined {
  if (textAt(bytes, 0, 4) !== 'GIF8') return undefined;
  const { frames } = walkBlocks(bytes);
  return {
    ...PLAIN,
    format: 'gif',
    name: 'GIF',
    width: numberAt(bytes, 6, 2, true),
    height: numberAt(bytes, 8, 2, true),
    frames: Math.max(1, frames),
    isHeldWhole: true,
  };
}

/** Where a GIF that cannot be decoded is damaged, as far as its blocks tell. */
export function findGifDamage(bytes: Uint8Array): string | undefined {
  if (bytes.length < 13) return cutOff('within its header');
  const { frames, end } = walkBlocks(bytes);
  if (end === 'cut') return cutOff(`after ${frames} ${frames === 1 ? 'frame' : 'frames'}`);
  if (end === 'unknown') return 'a block is of no known kind';
  return frames === 0 ? 'it holds no frame' : undefined;
}

/** Counts the frames whose data begins, and says how the walk ended. */
function walkBlocks(bytes: Uint8Array): { frames: number; end: 'whole' | 'cut' | 'unknown' } {
  let frames = 0;
  let at = 13 + tableBytes(bytes[10] ?? 0);
  for (;;) {
    const kind = bytes[at];
    if (kind === undefined) return { frames, end: 'cut' };
    if (kind === 0x3b) return { frames, end: 'whole' };
    if (kind === 0x21) at = skipBlocks(bytes, at + 2);
    else if (kind === 0x2c) {
      const data = at + 10 + tableBytes(bytes[at + 9] ?? 0);
      if (data >= bytes.length) return { frames, end: 'cut' };
      frames += 1;
      at = skipBlocks(bytes, data + 1);
    } else return { frames, end: 'unknown' };
  }
}

/** Bytes of the colour table that a packed field announces. */
function tableBytes(packed: number): number {
  return packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0;
}

/** The first byte behind the sub-blocks that begin at `at`. */
function skipBlocks(bytes: Uint8Array, at: number): number {
  let next = at;
  for (let length = bytes[next]; length !== undefined && length > 0; length = bytes[next]) next += 1 + length;
  return next + 1;
}
