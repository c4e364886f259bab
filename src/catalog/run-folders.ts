import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { LAYOUT_VERSION, runFolder, specKey, successKey } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';

/** The folder of one execution of a run, and the bytes of its `spec.json`. */
export interface RunFolder {
  /** Object key. */
  readonly folder: string;
  /** Time of planning, in ms since 1970. It orders the executions of a run; the times of files do not. */
  readonly plannedMs: number;
  readonly isFinished: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The folder of an execution that cannot be read, because it is damaged or has an older layout. */
export interface UnreadableRun {
  readonly folder: string;
  readonly isFinished: boolean;
  readonly error: PixlakeError;
}

/** The executions of a run, newest first, and the unreadable ones. */
export interface RunFolders {
  readonly executions: readonly RunFolder[];
  readonly unreadable: readonly UnreadableRun[];
}

/** Replaces the specification of an execution while its files are deleted. From then on the execution is invisible. */
export const REMOVED_SPEC = encodeStored({ layoutVersion: LAYOUT_VERSION, isRemoved: true });

/** Whether an execution is being deleted, or its deletion was interrupted. */
export function isRemovedSpec(bytes: Uint8Array): boolean {
  return REMOVED_SPEC.equals(bytes);
}

const header = z.looseObject({ layoutVersion: z.literal(LAYOUT_VERSION), plannedMs: z.number() });

/** Lists the executions of a run by their specifications. Folders without one are plans that were never frozen, or leftovers of a deletion. */
export async function listRunFolders(store: ObjectStore, name: string): Promise<RunFolders> {
  const executions: RunFolder[] = [];
  const unreadable: UnreadableRun[] = [];
  for (const child of await store.listFolders(runFolder(name))) {
    const folder = `${runFolder(name)}/${child}`;
    const bytes = await readIfPresent(store, specKey(folder));
    if (bytes === undefined || isRemovedSpec(bytes)) continue;
    const isFinished = (await store.stat(successKey(folder))) !== undefined;
    try {
      const { plannedMs, ...spec } = decodeSpec(store, bytes, name, folder);
      executions.push({ folder, plannedMs, isFinished, spec: { plannedMs, ...spec } });
    } catch (error) {
      if (!(error instanceof PixlakeError)) throw error;
      unreadable.push({ folder, isFinished, error });
    }
  }
  executions.sort((a, b) => b.plannedMs - a.plannedMs || (a.folder < b.folder ? -1 : 1));
  return { executions, unreadable };
}

/**
 * Finds the newest finished execution of a run; `undefined` if none has finished.
 *
 * @throws `RUN_TOO_OLD`, `RUN_CORRUPT` if it is unknown which execution is the newest
 */
export async function findFinishedRun(store: ObjectStore, name: string): Promise<RunFolder | undefined> {
  const { executions, unreadable } = await listRunFolders(store, name);
  const newest = executions.find(({ isFinished }) => isFinished);
  const [problem] = unreadable.filter(
    ({ isFinished, error }) => isFinished && (newest === undefined || error.code !== 'RUN_TOO_OLD'),
  );
  if (problem !== undefined) throw problem.error;
  return newest;
}

function decodeSpec(
  store: ObjectStore,
  bytes: Buffer,
  name: string,
  folder: string,
): z.output<typeof header> {
  const place = store.locate(specKey(folder));
  if (isOldLayout(bytes)) {
    throw new PixlakeError('RUN_TOO_OLD', `run ${name} in ${folder} was written by an older pixlake`, {
      remedy: `run it again, or read its rows as a table: pixlake attach <table> ${store.locate(`${folder}/manifest`)}`,
    });
  }
  return parseStored(header, decodeStored(bytes, place), place);
}

/** Specifications of layout 1 do not name their layout. */
function isOldLayout(bytes: Buffer): boolean {
  try {
    const json = JSON.parse(bytes.toString('utf8')) as {
      layoutVersion?: unknown;
      shardCount?: unknown;
    } | null;
    return json?.layoutVersion === undefined && json?.shardCount !== undefined;
  } catch {
    return false;
  }
}
