import { PixlakeError } from '../errors.ts';

/**
 * Encodes a data file's path, relative to its table, as the URI reference that `add.path` holds (RFC 2396): a folder that is
 * percent-encoded on disk, `c=Personal%20Care`, reads `c=Personal%2520Care` in the log.
 */
export function encodeDataPath(relativePath: string): string {
  return encodeURI(relativePath).replaceAll('#', '%23').replaceAll('?', '%3F');
}

/** The path, relative to the table, in an `add.path`; the inverse of {@link encodeDataPath}. */
export function decodeDataPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // Some writers do not encode. A path with a lone percent sign cannot be an encoded one.
    return path;
  }
}

/**
 * The object key of the data file in an `add.path`. Absolute paths, as shallow clones have them, are allowed below the
 * store's root.
 *
 * @throws `TABLE_FEATURE_UNSUPPORTED` for absolute paths elsewhere
 */
export function toDataKey(storeUri: string, folder: string, path: string): string {
  const scheme = /^(?<scheme>[a-z][a-z0-9+.-]*):(?<slashes>\/{1,3})/iu.exec(path)?.groups?.['scheme'];
  if (scheme === undefined && !path.startsWith('/')) return `${folder}/${decodeDataPath(path)}`;
  const place = decodeDataPath(path)
    .replace(/^file:\/*/iu, '/')
    .replace(/^s3[an]:/iu, 's3:');
  const root = `${storeUri.replace(/\/+$/u, '')}/`;
  if (place.startsWith(root)) return place.slice(root.length);
  throw new PixlakeError(
    'TABLE_FEATURE_UNSUPPORTED',
    `${folder} refers to a file outside ${storeUri}: ${path.slice(0, 200)}`,
    { remedy: 'copy the whole table, or attach it in the place where its files are' },
  );
}
