import { PixlakeError } from '../errors.ts';
import { openLocalStore } from './local-store.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3Options } from './s3-options.ts';
import { openS3Store } from './s3-store.ts';

/**
 * Opens the object store that a URI names: a folder path, a `file://` URL or `s3://bucket/prefix`. `s3` applies to this store if it is one
 * on S3, and to stores that it refers to. With `isBlocking`, whole files are read and written synchronously instead of by Node's thread pool: for
 * threads that would only wait for them.
 *
 * @throws `ARGUMENT_INVALID` for other schemes
 */
export function openStore(uri: string, s3: S3Options = {}, isBlocking = false): ObjectStore {
  const scheme = schemeOf(uri);
  if (scheme === undefined) return openLocalStore(uri, s3, isBlocking);
  if (scheme === 'file') return openLocalStore(decodeURIComponent(new URL(uri).pathname), s3, isBlocking);
  if (scheme === 's3') return openS3Store(uri, s3);
  throw new PixlakeError('ARGUMENT_INVALID', `lakes on ${scheme}:// are not supported`, {
    remedy: 'name a local folder or s3://bucket/prefix',
  });
}

/** The scheme of a URI in lower case; `undefined` for a path. */
export function schemeOf(uri: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):\/\//iu.exec(uri)?.[1]?.toLowerCase();
}
