/** A file of a source: its path within it, with forward slashes, and why it is not looked at if it is not. */
export interface ListedFile {
  readonly name: string;
  readonly problem?: string;
}

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A file name from its bytes. Where they are not UTF-8, those outside ASCII are written as `\xE9` and `isText` is false. */
export function decodeName(bytes: Uint8Array): { readonly name: string; readonly isText: boolean } {
  try {
    return { name: DECODER.decode(bytes), isText: true };
  } catch {
    const toText = (byte: number): string =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`;
    return { name: Array.from(bytes, toText).join(''), isText: false };
  }
}
