import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { systemCode, wrap } from './local-errors.ts';

/** Writes a new file into an existing folder, which is the usual case. Returns whether it is new, or `undefined` if the folder does not exist. */
export function createAtOnce(path: string, bytes: Uint8Array): boolean | undefined {
  try {
    writeFileSync(path, bytes, { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    if (systemCode(error) === 'ENOENT') return undefined;
    throw wrap(error, path, 'write');
  }
}

/** Waits until a file, or the entries of a folder, would survive a power loss. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}
