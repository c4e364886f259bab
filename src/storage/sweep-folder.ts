import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMarkedAlive } from './process-mark.ts';

/**
 * Removes temporary files and folders that dead processes left in a local folder, and returns their number. If a name does not show whether its
 * process is alive, the file counts as left over if nobody has touched it since `beforeMs`. Names that do not match `ours` stay.
 */
export async function sweepFolder(root: string, beforeMs: number, ours = /^/u): Promise<number> {
  let sweptCount = 0;
  for (const name of await readdir(root).catch(emptyIfMissing)) {
    const isAlive = ours.test(name) ? isMarkedAlive(name) : true;
    if (isAlive === true) continue;
    const path = join(root, name);
    if (isAlive === undefined && !(await isUntouched(path, beforeMs))) continue;
    if (await remove(path)) sweptCount += 1;
  }
  return sweptCount;
}

function emptyIfMissing(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}

async function isUntouched(path: string, beforeMs: number): Promise<boolean> {
  // Reading folders takes time.
  if (beforeMs === Number.NEGATIVE_INFINITY) return false;
  // Its owner may remove it meanwhile.
  return (await newestChange(path).catch(() => beforeMs)) < beforeMs;
}

/** Latest modification time in ms of a file, or of a folder and all in it. */
async function newestChange(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inner = await Promise.all((await readdir(path)).map((name) => newestChange(join(path, name))));
  return Math.max(stats.mtimeMs, ...inner);
}

/** Files of another user are left to the processes of that user. */
async function remove(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}
