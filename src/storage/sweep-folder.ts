import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes what a local folder holds that nobody has touched since `beforeMs`, and tells how many files and folders. */
export async function sweepFolder(root: string, beforeMs: number): Promise<number> {
  let sweptCount = 0;
  for (const name of await readdir(root).catch(emptyIfMissing)) {
    const path = join(root, name);
    // Whoever made it may remove it meanwhile.
    if ((await newestChange(path).catch(() => beforeMs)) >= beforeMs) continue;
    await rm(path, { recursive: true, force: true });
    sweptCount += 1;
  }
  return sweptCount;
}

function emptyIfMissing(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}

/** Latest modification time in ms of a file, or of a folder and all in it. */
async function newestChange(path: string): Promise<number> {
  const stats = await stat(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inner = await Promise.all((await readdir(path)).map((name) => newestChange(join(path, name))));
  return Math.max(stats.mtimeMs, ...inner);
}
