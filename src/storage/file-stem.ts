import { hash } from 'node:crypto';

/** Longest stem in bytes. A copy number, a hash and an ending must still fit into the 255 bytes that file systems allow. */
const MAX_STEM_BYTES = 150;

/** Most ids are their own stems. */
const PLAIN = /^[A-Za-z0-9_-]{1,150}$/u;

/** Hex digits of the hash in the stem of an id that differs from another one only in case. */
const CASE_DIGITS = 16;

/**
 * The file name, without ending, for the image of an id: every byte outside `[A-Za-z0-9_-]` is percent-encoded; above 150 bytes it is a
 * prefix and a sha256. Different ids have different stems.
 */
export function fileStem(id: string): string {
  if (PLAIN.test(id)) return id;
  const stem = encodeURIComponent(Buffer.from(id).toString()).replaceAll(/[.!~*'()]/gu, encodeByte);
  if (stem.length <= MAX_STEM_BYTES) return stem;
  const sha256 = hash('sha256', id, 'hex');
  const prefix = stem.slice(0, MAX_STEM_BYTES - sha256.length - 1).replace(/%.?$/u, '');
  return `${prefix}.${sha256}`;
}

/** The stem of an id that differs from another id only in case: some file systems would take the plain stems for the same name. */
export function casedFileStem(id: string): string {
  return `${fileStem(id)}.${hash('sha256', id, 'hex').slice(0, CASE_DIGITS)}`;
}

function encodeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
