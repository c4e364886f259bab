import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';

/** Version of the layout below; a lake that was written with a higher one is refused. */
const LAYOUT_VERSION = 1;

const MARKER_KEY = 'pixlake.json';

/** Object key of a table's folder. */
export function tableFolder(table: string): string {
  return `tables/${checkName(table)}`;
}

/** Folder of the descriptions of attached tables. */
export const ATTACHED_FOLDER = 'attached';

/** Object key of the description of an attached table. */
export function attachmentKey(table: string): string {
  return `${ATTACHED_FOLDER}/${checkName(table)}.json`;
}

/** Object key of the folder of a table's originals. */
export function originalsFolder(table: string): string {
  return `originals/${checkName(table)}`;
}

/** Object key of the folder of one ingest's reports. */
export function ingestFolder(table: string, ingestId: string): string {
  return `ingests/${checkName(table)}/${ingestId}`;
}

/** Object key of the folder of all executions of a named run. */
export function runFolder(name: string): string {
  return `runs/${checkName(name)}`;
}

/** Object key of the folder of one execution of a run. */
export function executionFolder(name: string, runId: string): string {
  return `${runFolder(name)}/run_id=${runId}`;
}

/** Folder of the runs that servers have accepted and that have not finished yet. */
export const SUBMISSIONS_FOLDER = 'submissions';

/** Object key of the record of an accepted run. */
export function submissionKey(name: string): string {
  return `${SUBMISSIONS_FOLDER}/${checkName(name)}.json`;
}

/** Checks a table or run name: a letter or digit, then letters, digits, `_`, `-` or `.`, at most 64. @throws `TABLE_NAME_INVALID` */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw new PixlakeError(
    'TABLE_NAME_INVALID',
    `${JSON.stringify(name.slice(0, 80))} cannot name a table or run`,
    {
      remedy: 'use 1 to 64 letters, digits, "_", "-" or ".", starting with a letter or digit',
    },
  );
}

/** Whether a name may be that of a table or run; see {@link checkName}. */
export function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]{0,63}$/iu.test(name) && !name.includes('..');
}

/** Checks that the store holds a lake that this pixlake understands. @throws `LAKE_NOT_FOUND`, `LAKE_TOO_NEW` */
export async function checkLake(store: ObjectStore): Promise<void> {
  const marker = await readMarker(store);
  if (marker === undefined) {
    throw new PixlakeError('LAKE_NOT_FOUND', `there is no lake at ${store.uri}`, {
      remedy: 'make one with `pixlake ingest`, or name another with --lake',
    });
  }
  let layoutVersion: unknown;
  try {
    ({ layoutVersion } = JSON.parse(marker.toString('utf8')) as { layoutVersion?: unknown });
  } catch (error) {
    throw new PixlakeError('LAKE_NOT_FOUND', `${MARKER_KEY} in ${store.uri} is not JSON`, { cause: error });
  }
  if (typeof layoutVersion === 'number' && layoutVersion <= LAYOUT_VERSION) return;
  throw new PixlakeError(
    'LAKE_TOO_NEW',
    `the lake at ${store.uri} has layout version ${String(layoutVersion)}; this pixlake knows up to ${LAYOUT_VERSION}`,
    { remedy: 'install a newer pixlake' },
  );
}

/** Read, not looked up: only the answer to a read tells a missing object from a missing bucket. */
async function readMarker(store: ObjectStore): Promise<Buffer | undefined> {
  try {
    return await store.read(MARKER_KEY);
  } catch (error) {
    if (error instanceof PixlakeError && error.code === 'OBJECT_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Marks the store as a lake of the current layout if it is not one yet, then checks it. @throws `LAKE_TOO_NEW` */
export async function createLake(store: ObjectStore): Promise<void> {
  const marker = JSON.stringify({ layoutVersion: LAYOUT_VERSION });
  const isNew =
    (await readMarker(store)) === undefined &&
    (await store.writeIfAbsent(MARKER_KEY, Buffer.from(`${marker}\n`)));
  // Another writer may have made it first, with another layout.
  if (!isNew) await checkLake(store);
}
