import { setInterval } from 'node:timers';
import { randomUUID } from 'node:crypto';
import { mkdir, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processMark } from './process-mark.ts';
import { sweepFolder } from './sweep-folder.ts';

/** Files in use are touched more often than this; see {@link keepAlive}. */
export const UNTOUCHED_MS = 24 * 60 * 60 * 1000;

/** How often a folder in use is touched. Processes in other containers or on other machines cannot see its process and look at its time. */
const TOUCH_MS = 10 * 60 * 1000;

/** Folders of pixlake in the system's temporary folder; `image/fonts.ts` makes the unmarked ones. */
const SYSTEM_NAMES = /^pixlake-(?:[0-9a-f]{12}\.\d+\.\d*-[0-9a-f-]{36}|fonts-\w{6})$/u;

const inUse = new Set<string>();
let touching: NodeJS.Timeout | undefined;

/** A unique name for a temporary file, with the mark of this process. */
export function temporaryName(): string {
  return `${processMark()}${randomUUID()}`;
}

/** The path of a new folder in the system's temporary folder. The folder is not made. */
export function systemTemporaryPath(): string {
  return join(tmpdir(), `pixlake-${temporaryName()}`);
}

/** Makes a private folder in the system's temporary folder; the caller removes it. Also sweeps those of dead processes. */
export async function makeTemporaryFolder(): Promise<string> {
  await sweepOnce(undefined);
  const path = systemTemporaryPath();
  await mkdir(path, { mode: 0o700 });
  keepAlive(path);
  return path;
}

/** Touches a folder regularly until it is removed or the process ends. */
export function keepAlive(path: string): void {
  inUse.add(path);
  touching ??= setInterval(() => void touchInUse(), TOUCH_MS).unref();
}

/** Touches the folders in use, as happens regularly, and forgets those that were removed. */
export async function touchInUse(): Promise<void> {
  const now = new Date();
  for (const path of inUse) await utimes(path, now, now).catch(() => inUse.delete(path));
}

const swept = new Map<string, Promise<unknown>>();

/** Sweeps leftovers of dead processes from a folder and from the system's temporary folder, once per process and folder. */
export async function sweepOnce(root: string | undefined): Promise<void> {
  const once = (folder: string, beforeMs: number, ours?: RegExp): Promise<unknown> => {
    // A folder that cannot be swept must not stop the work.
    const sweeping = swept.get(folder) ?? sweepFolder(folder, beforeMs, ours).catch(() => 0);
    swept.set(folder, sweeping);
    return sweeping;
  };
  // `vacuum` also sweeps a lake by age, which needs to read each folder.
  if (root !== undefined) await once(root, Number.NEGATIVE_INFINITY);
  await once(tmpdir(), Date.now() - UNTOUCHED_MS, SYSTEM_NAMES);
}
