/** A file of a source: its path with forward slashes, and the problem if it is skipped. */
export interface ListedFile {
  readonly name: string;
  readonly problem?: string;
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes a file name. If it is not UTF-8, bytes outside ASCII are written as `\xE9` and `isText` is false. */
export function decodeName(bytes: Uint8Array): { readonly name: string; readonly isText: boolean } {
  try {
    return { name: DECODER.decode(bytes), isText: true };
  } catch {
    const toText = (byte: number): string =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`;
    return { name: Array.from(bytes, toText).join(''), isText: false };
  }
}
