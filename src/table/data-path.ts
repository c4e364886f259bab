/**
 * Encodes a data file's path, relative to its table, as the URI reference that `add.path` holds (RFC 2396): a folder that is
 * percent-encoded on disk, `c=Personal%20Care`, reads `c=Personal%2520Care` in the log.
 */
export function encodeDataPath(relativePath: string): string {
  return encodeURI(relativePath).replaceAll('#', '%23').replaceAll('?', '%3F');
}

/** The path relative to the table that an `add.path` names; the inverse of {@link encodeDataPath}. */
export function decodeDataPath(path: string): string {
  return decodeURIComponent(path);
}
