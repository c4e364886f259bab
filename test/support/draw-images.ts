import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

/** Noise, which no encoding makes much smaller: every part of its bytes matters. */
export function drawNoise(width = 40, height = 30): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  let state = 1;
  for (let index = 0; index < pixels.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pixels[index] = state >>> 24;
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A chunk of a PNG with a checksum that is right. */
export function pngChunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(content.length);
  numbers.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([numbers.subarray(0, 4), named, numbers.subarray(4)]);
}

/** A PNG of 8-bit RGB, interlaced or not, with these bytes for its rows, however many its header announces. */
export function drawPng(width: number, height: number, rows: Uint8Array, isInterlaced = false): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, Number(isInterlaced)], 8);
  return Buffer.concat([
    Buffer.from('\u0089PNG\r\n\u001a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A PNG that claims a size in a valid header and holds next to no pixels. */
export function claimPng(width: number, height: number, isInterlaced = false): Buffer {
  return drawPng(width, height, Buffer.alloc(1000), isInterlaced);
}

/** A JPEG marker segment. */
export function jpegSegment(marker: number, body: Uint8Array | string): Buffer {
  const content = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const length = content.length + 2;
  return Buffer.concat([Buffer.from([0xff, marker, length >> 8, length & 255]), content]);
}

/** The segments of a JPEG up to its first scan: `at` is where a marker begins, `end` the first byte behind its segment. */
export function jpegSegments(bytes: Buffer): { marker: number; at: number; end: number }[] {
  const segments = [];
  for (let at = 2; ; ) {
    const marker = bytes[at + 1] ?? 0;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    segments.push({ marker, at, end });
    if (marker === 0xda) return segments;
    at = end;
  }
}

/** A box of an ISO base media file, such as an AVIF, of its parts one after another. */
export function isoBox(type: string, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length + 8);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}

/** Puts bytes into others. */
export function insertBytes(bytes: Buffer, at: number, added: Uint8Array | readonly number[]): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(added), bytes.subarray(at)]);
}

/** A copy of a little-endian TIFF whose entry of a tag is another one: tag, type, count and value as they stand in the directory. */
export function replaceTiffEntry(
  bytes: Buffer,
  tag: number,
  entry: { readonly tag?: number; readonly type?: number; readonly count?: number; readonly value?: number },
): Buffer {
  const changed = Buffer.from(bytes);
  const at = tiffEntryAt(bytes, tag);
  if (entry.tag !== undefined) changed.writeUInt16LE(entry.tag, at);
  if (entry.type !== undefined) changed.writeUInt16LE(entry.type, at + 2);
  if (entry.count !== undefined) changed.writeUInt32LE(entry.count, at + 4);
  if (entry.value !== undefined) changed.writeUInt32LE(entry.value, at + 8);
  return changed;
}

/** Where the entry of a tag lies in the first directory of a little-endian TIFF. */
export function tiffEntryAt(bytes: Buffer, tag: number): number {
  const directory = bytes.readUInt32LE(4);
  for (let index = 0; index < bytes.readUInt16LE(directory); index++) {
    const at = directory + 2 + 12 * index;
    if (bytes.readUInt16LE(at) === tag) return at;
  }
  throw new Error(`no tag ${tag}`);
}
