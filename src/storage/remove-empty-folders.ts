import { rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMissing } from './local-errors.ts';

/** Removes empty local folders, then parent folders that became empty; `root` stays. */
export async function removeEmptyFolders(folders: Iterable<string>, root: string): Promise<void> {
  // Deepest first, because a folder may become empty when those inside it are removed.
  for (const path of [...folders].sort((a, b) => b.length - a.length)) {
    for (let folder = path; folder.length > root.length; folder = dirname(folder)) {
      const isRemoved = await rmdir(folder).then(
        () => true,
        // Already removed, or another process has put a file into it.
        (error: unknown) => isMissing(error),
      );
      if (!isRemoved) break;
    }
  }
}
