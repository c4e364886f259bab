import { PixlakeError } from '../errors.ts';
import { openLocalStore } from './local-store.ts';
import type { ObjectStore } from './object-store.ts';

/** Opens the object store that a URI names: a folder path or a `file://` URL. @throws `ARGUMENT_INVALID` for other schemes */
export function openStore(uri: string): ObjectStore {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//iu.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return openLocalStore(uri);
  if (scheme === 'file') return openLocalStore(decodeURIComponent(new URL(uri).pathname));
  throw new PixlakeError('ARGUMENT_INVALID', `lakes on ${scheme}:// are not supported`, {
    remedy: 'name a local folder',
  });
}
