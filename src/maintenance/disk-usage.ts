import { PixlakeError } from '../errors.ts';
import { readSuccess } from '../run/success.ts';
import { readRunState, type RunState, tablesFolderOf } from '../run/execution.ts';
import { listExecutions } from '../run/read-executions.ts';
import { tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { readKnownFiles } from './known-files.ts';
import type { MaintenanceContext } from './maintenance-context.ts';

/** Number and bytes of files. */
export interface Usage {
  readonly fileCount: number;
  readonly sizeBytes: number;
}

/** Usage of something with a name. */
export interface NamedUsage extends Usage {
  readonly name: string;
}

/** Usage of a table. */
export interface TableUsage extends NamedUsage {
  /** Data files of the newest version. */
  readonly data: Usage;
  /** Data files of earlier versions only. */
  readonly earlier: Usage;
  /** Files that no version has. */
  readonly orphans: Usage;
  readonly log: Usage;
  readonly originals: Usage;
}

/** Usage of an execution of a run. */
export interface ExecutionUsage extends NamedUsage {
  /** Object key. */
  readonly folder: string;
  /** `unreadable` if it is damaged or has an older layout; `removed` for leftovers of a deleted execution and plans that were never frozen. */
  readonly state: RunState | 'unreadable' | 'removed';
  readonly images: Usage;
  readonly plan: Usage;
  /** Parts, errors, markers and the specification. */
  readonly parts: Usage;
  readonly manifest: Usage;
  readonly retries: Usage;
  /** Images that were taken over: the manifest refers to them, but they lie in earlier executions. */
  readonly takenCount: number;
}

/** Usage of each part of a lake, the largest first. The parts add up to the whole. */
export interface DiskUsage extends Usage {
  readonly tables: readonly TableUsage[];
  readonly runs: readonly ExecutionUsage[];
  readonly models: readonly NamedUsage[];
  /** Reports of ingests, by table. */
  readonly ingests: readonly NamedUsage[];
  /** Records of accepted runs. */
  readonly submissions: Usage;
  /** Files of work that is in progress or was interrupted. */
  readonly temporary: Usage;
  readonly other: Usage;
}

/** Folder that is not in the listings of a store. */
const TEMPORARY_FOLDER = '.tmp';

/**
 * Measures the usage of each part of a lake with one listing. Memory grows with the number of tables and executions, and with the data files of
 * the largest table.
 *
 * @throws `STORAGE_…`
 */
export async function measureUsage({ store, signal }: MaintenanceContext): Promise<DiskUsage> {
  const ledger = new Ledger();
  const describeData = dataDescriber(store);
  for (const root of ['', TEMPORARY_FOLDER]) {
    for await (const { key, sizeBytes } of store.list(root)) {
      signal?.throwIfAborted();
      ledger.add(await placeOf(key, describeData), sizeBytes);
    }
  }
  return {
    ...ledger.sum([]),
    tables: ledger.names('tables').map((name) => toTable(ledger, name)),
    runs: await describeRuns(store, ledger),
    models: toNamed(ledger, 'models'),
    ingests: toNamed(ledger, 'ingests'),
    submissions: ledger.sum(['submissions']),
    temporary: ledger.sum(['temporary']),
    other: ledger.sum(['other']),
  };
}

/** Sums by kind, name and part of what a file belongs to. */
class Ledger {
  readonly #sums = new Map<string, { fileCount: number; sizeBytes: number }>();
  readonly #names = new Map<string, Set<string>>();

  add(place: readonly string[], sizeBytes: number): void {
    for (let length = 0; length <= place.length; length++) {
      const key = place.slice(0, length).join('\0');
      const sum = this.#sums.get(key) ?? { fileCount: 0, sizeBytes: 0 };
      sum.fileCount += 1;
      sum.sizeBytes += sizeBytes;
      this.#sums.set(key, sum);
    }
    const [kind = '', name] = place;
    if (name !== undefined) this.#names.set(kind, (this.#names.get(kind) ?? new Set()).add(name));
  }

  sum(place: readonly string[]): Usage {
    return { ...(this.#sums.get(place.join('\0')) ?? { fileCount: 0, sizeBytes: 0 }) };
  }

  /** Names of one kind, the largest first. */
  names(kind: string): string[] {
    const sizeOf = (name: string): number => this.sum([kind, name]).sizeBytes;
    return [...(this.#names.get(kind) ?? [])].sort((a, b) => sizeOf(b) - sizeOf(a) || (a < b ? -1 : 1));
  }
}

type DescribeData = (table: string, key: string) => Promise<string>;

async function placeOf(key: string, describeData: DescribeData): Promise<string[]> {
  const [top = '', name = '', child = '', ...rest] = key.split('/');
  if (top === TEMPORARY_FOLDER) return ['temporary'];
  if (top === 'submissions') return [top];
  if (child === '') return ['other'];
  if (top === 'tables') return [top, name, child === '_delta_log' ? 'log' : await describeData(name, key)];
  if (top === 'originals') return ['tables', name, 'originals'];
  if (top === 'runs' && rest.length > 0)
    return [top, `${name}/${child}`, RUN_PARTS.get(rest[0] ?? '') ?? 'parts'];
  return top === 'models' || top === 'ingests' ? [top, name] : ['other'];
}

const RUN_PARTS: ReadonlyMap<string, string> = new Map(
  ['images', 'plan', 'manifest', 'retries'].map((name) => [name, name]),
);

/** Finds out which versions of a table have a data file. Remembers one table, because listings go folder by folder. */
function dataDescriber(store: ObjectStore): DescribeData {
  let table: string | undefined;
  let known: Awaited<ReturnType<typeof readKnownFiles>>;
  return async (name, key) => {
    if (name !== table) {
      known = await readKnownFiles(store, tableFolder(name)).catch(orUnknown);
      table = name;
    }
    if (known?.current.has(key)) return 'data';
    return known?.earlier.has(key) ? 'earlier' : 'orphans';
  };
}

/** A table takes space even if its log cannot be read. */
function orUnknown(error: unknown): undefined {
  if (!(error instanceof PixlakeError)) throw error;
}

function toTable(ledger: Ledger, name: string): TableUsage {
  const part = (of: string): Usage => ledger.sum(['tables', name, of]);
  return {
    name,
    ...ledger.sum(['tables', name]),
    data: part('data'),
    earlier: part('earlier'),
    orphans: part('orphans'),
    log: part('log'),
    originals: part('originals'),
  };
}

function toNamed(ledger: Ledger, kind: string): NamedUsage[] {
  return ledger.names(kind).map((name) => ({ name, ...ledger.sum([kind, name]) }));
}

interface Known {
  readonly state: ExecutionUsage['state'];
  readonly takenCount: number;
}

async function describeRuns(store: ObjectStore, ledger: Ledger): Promise<ExecutionUsage[]> {
  const places = ledger.names('runs');
  const known = new Map<string, Known>();
  for (const name of new Set(places.map((place) => place.split('/')[0] ?? '')))
    for (const [folder, status] of await describeExecutions(store, name)) known.set(folder, status);
  return places.map((place) => {
    const folder = `runs/${place}`;
    const part = (of: string): Usage => ledger.sum(['runs', place, of]);
    return {
      name: place.split('/')[0] ?? '',
      folder,
      ...(known.get(folder) ?? { state: 'removed', takenCount: 0 }),
      ...ledger.sum(['runs', place]),
      images: part('images'),
      plan: part('plan'),
      parts: part('parts'),
      manifest: part('manifest'),
      retries: part('retries'),
    };
  });
}

async function describeExecutions(store: ObjectStore, name: string): Promise<Map<string, Known>> {
  const found = new Map<string, Known>();
  const { executions, unreadable } = await listExecutions(store, name);
  for (const execution of executions) {
    const folder = tablesFolderOf(execution);
    const state = await readRunState(store, folder);
    const takenCount = (await readSuccess(store, folder))?.takenCount ?? 0;
    found.set(folder, { state, takenCount });
  }
  for (const { folder } of unreadable) found.set(folder, { state: 'unreadable', takenCount: 0 });
  return found;
}
