import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { LAYOUT_VERSION, runFolder, specKey, successKey } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readIfPresent } from '../storage/read-if-present.ts';
import { decodeStored, encodeStored, parseStored } from '../storage/stored-json.ts';

/** The folder of one execution of a run, and what its `spec.json` holds. */
export interface RunFolder {
  /** Object key. */
  readonly folder: string;
  /** When the execution was planned, in ms since 1970: the order of a run's executions, whatever the times of their files. */
  readonly plannedMs: number;
  readonly isFinished: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** The folder of an execution that cannot be read: of an older layout, or damaged. */
export interface UnreadableRun {
  readonly folder: string;
  readonly isFinished: boolean;
  readonly error: PixlakeError;
}

/** The executions of a run, newest first, and those that cannot be read. */
export interface RunFolders {
  readonly executions: readonly RunFolder[];
  readonly unreadable: readonly UnreadableRun[];
}

/** Takes the place of an execution's specification while its files are deleted: from then on, nobody sees the execution. */
export const REMOVED_SPEC = encodeStored({ layoutVersion: LAYOUT_VERSION, isRemoved: true });

/** Whether an execution is being deleted, or that was interrupted. */
export function isRemovedSpec(bytes: Uint8Array): boolean {
  return REMOVED_SPEC.equals(bytes);
}

const header = z.looseObject({ layoutVersion: z.literal(LAYOUT_VERSION), plannedMs: z.number() });

/** Lists the executions of a named run by what their specifications say. Folders without one are plans that were never frozen, or what a deletion left. */
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
 * Finds the newest finished execution of a run; `undefined` where none has finished.
 *
 * @throws `RUN_TOO_OLD`, `RUN_CORRUPT` if the newest one cannot be told
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

/** Specifications of layout 1 said nothing of a layout. */
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
