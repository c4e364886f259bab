import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfPresent } from './read-if-present.ts';

/** Version of the layout below. Lakes with a higher version are refused. Version 1 has the same tables but other runs. */
export const LAYOUT_VERSION = 2;

/** Layout features that this pixlake knows. */
const KNOWN_FEATURES: ReadonlySet<string> = new Set<string>();

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

/** Object key of the folder of one execution of a run, whose last part is `run_id=` and the id. */
export function executionFolder(name: string, runId: string): string {
  return `${runFolder(name)}/run_id=${runId}`;
}

/** Object key of an execution's frozen specification. */
export function specKey(folder: string): string {
  return `${folder}/spec.json`;
}

/** Object key of the object that ends an execution. */
export function successKey(folder: string): string {
  return `${folder}/_SUCCESS`;
}

/** Folder of the runs that servers have accepted. */
export const SUBMISSIONS_FOLDER = 'submissions';

/** Object key of the folder of the later records of an accepted run. */
export function submissionChangesFolder(name: string): string {
  return `${SUBMISSIONS_FOLDER}/changes/${checkName(name)}`;
}

/** Object key of a record of an accepted run: number 0 is the first one, higher numbers are later states. */
export function submissionKey(name: string, number: number): string {
  return number === 0
    ? `${SUBMISSIONS_FOLDER}/${checkName(name)}.json`
    : `${submissionChangesFolder(name)}/${number}.json`;
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

/** Whether a table or run may have this name; see {@link checkName}. */
export function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_.-]{0,63}$/iu.test(name) && !name.includes('..');
}

/** Contents of `pixlake.json`. */
interface LakeMarker {
  readonly layoutVersion: number;
  readonly features: readonly string[];
}

/**
 * Checks that the store holds a lake that this pixlake understands.
 *
 * @throws `LAKE_NOT_FOUND`, `LAKE_TOO_NEW`, `LAKE_FEATURE_UNSUPPORTED` naming the feature
 */
export async function checkLake(store: ObjectStore): Promise<void> {
  const marker = await readMarker(store);
  if (marker !== undefined) return checkMarker(store, marker);
  throw new PixlakeError('LAKE_NOT_FOUND', `no lake exists at ${store.uri}`, {
    remedy: 'make a lake with `pixlake ingest`, or name another one with --lake',
  });
}

function checkMarker({ uri }: ObjectStore, { layoutVersion, features }: LakeMarker): void {
  if (layoutVersion > LAYOUT_VERSION) {
    throw new PixlakeError(
      'LAKE_TOO_NEW',
      `the lake at ${uri} has layout version ${layoutVersion}; this pixlake knows versions up to ${LAYOUT_VERSION}`,
      { remedy: 'install a newer pixlake' },
    );
  }
  const unknown = features.filter((feature) => !KNOWN_FEATURES.has(feature));
  if (unknown.length === 0) return;
  throw new PixlakeError(
    'LAKE_FEATURE_UNSUPPORTED',
    `the lake at ${uri} uses ${unknown.join(', ')}, which this pixlake does not know`,
    { remedy: 'install a newer pixlake' },
  );
}

/** A read, not a stat: only a read can tell a missing object from a missing bucket. */
async function readMarker(store: ObjectStore): Promise<LakeMarker | undefined> {
  const bytes = await readIfPresent(store, MARKER_KEY);
  if (bytes === undefined) return undefined;
  const unreadable = (cause?: unknown): PixlakeError =>
    new PixlakeError('LAKE_NOT_FOUND', `${MARKER_KEY} in ${store.uri} is damaged`, {
      cause,
      remedy: `restore it; an undamaged one is {"layoutVersion":${LAYOUT_VERSION},"features":[]}`,
    });
  let json: { layoutVersion?: unknown; features?: unknown } | null;
  try {
    json = JSON.parse(bytes.toString('utf8')) as typeof json;
  } catch (error) {
    throw unreadable(error);
  }
  const { layoutVersion, features = [] } = json ?? {};
  if (!Number.isSafeInteger(layoutVersion) || Number(layoutVersion) < 1 || !Array.isArray(features))
    throw unreadable();
  return { layoutVersion: Number(layoutVersion), features: features.map(String) };
}

/**
 * Makes the store a lake of the current layout. A lake of an older layout is upgraded; its tables stay as they are.
 *
 * @throws `LAKE_TOO_NEW`, `LAKE_FEATURE_UNSUPPORTED`
 */
export async function createLake(store: ObjectStore): Promise<void> {
  const present = await readMarker(store);
  if (present !== undefined) checkMarker(store, present);
  if (present?.layoutVersion === LAYOUT_VERSION) return;
  const marker = Buffer.from(`${JSON.stringify({ layoutVersion: LAYOUT_VERSION, features: [] })}\n`);
  // Another process that makes the lake at the same time writes the same bytes. The marker of an older layout is replaced.
  if (present !== undefined) await store.write(MARKER_KEY, marker);
  else if (!(await store.writeIfAbsent(MARKER_KEY, marker))) await createLake(store);
}
