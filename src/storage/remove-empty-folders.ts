import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMissing } from './local-errors.ts';

/** Removes local folders that are empty, and those above them that become empty by that; `root` stays. */
export async function removeEmptyFolders(folders: Iterable<string>, root: string): Promise<void> {
  // Deepest first, since a folder may be empty once those in it are gone.
  for (const path of [...folders].sort((a, b) => b.length - a.length)) {
    for (let folder = path; folder.length > root.length; folder = dirname(folder)) {
      const isRemoved = await rmdir(folder).then(
        () => true,
        // Gone already; otherwise somebody has a file in it.
        (error: unknown) => isMissing(error),
      );
      if (!isRemoved) break;
    }
  }
}
