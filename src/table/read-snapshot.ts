import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { decodeDataPath } from './data-path.ts';
import type { AddAction, DeltaAction, MetadataAction, ProtocolAction } from './delta-actions.ts';
import { parseSchema } from './delta-schema.ts';
import type { DataFile, Snapshot } from './snapshot.ts';

const READER_VERSION = 1;
const WRITER_VERSION = 2;

/** The protocol that pixlake's own tables ask of others. */
export const PROTOCOL: ProtocolAction = {
  minReaderVersion: READER_VERSION,
  minWriterVersion: WRITER_VERSION,
};

/** Object key of one log entry: the version as 20 digits. */
export function logKey(folder: string, version: number): string {
  return `${folder}/_delta_log/${String(version).padStart(20, '0')}.json`;
}

/**
 * Reads a table's newest snapshot, or the given version, by replaying its log; `undefined` where the folder holds no table.
 *
 * @throws `SNAPSHOT_NOT_FOUND`, `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export async function readSnapshot(
  store: ObjectStore,
  folder: string,
  version?: number,
): Promise<Snapshot | undefined> {
  const newest = await findNewestVersion(store, folder);
  if (newest === undefined) return undefined;
  if (version !== undefined && (version > newest || version < 0)) {
    throw new PixlakeError(
      'SNAPSHOT_NOT_FOUND',
      `${folder} has no version ${version}; its newest is ${newest}`,
    );
  }
  const replay = new Replay(folder);
  const last = version ?? newest;
  for (let entry = 0; entry <= last; entry++) replay.apply(entry, await store.read(logKey(folder, entry)));
  return replay.finish(last);
}

async function findNewestVersion(store: ObjectStore, folder: string): Promise<number | undefined> {
  const versions = new Set<number>();
  for await (const { key } of store.list(`${folder}/_delta_log`)) {
    const name = key.slice(key.lastIndexOf('/') + 1);
    if (/^\d{20}\.json$/u.test(name)) versions.add(Number(name.slice(0, 20)));
  }
  if (versions.size === 0) return undefined;
  const newest = Math.max(...versions);
  for (let version = 0; version <= newest; version++) {
    if (!versions.has(version)) {
      throw new PixlakeError('TABLE_CORRUPT', `the log of ${folder} misses version ${version} of ${newest}`);
    }
  }
  return newest;
}

/** Log replay: later actions win, a file is in the snapshot if its last action is an add. */
class Replay {
  readonly #folder: string;
  readonly #files = new Map<string, AddAction>();
  #metadata: MetadataAction | undefined;
  #protocol: ProtocolAction | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  apply(version: number, bytes: Buffer): void {
    for (const line of bytes.toString('utf8').split('\n')) {
      if (line.trim() === '') continue;
      const action = this.#parse(version, line);
      if ('add' in action) this.#files.set(action.add.path, action.add);
      else if ('remove' in action) this.#files.delete(action.remove.path);
      else if ('metaData' in action) this.#metadata = action.metaData;
      else if ('protocol' in action) {
        checkProtocol(this.#folder, action.protocol);
        this.#protocol = action.protocol;
      }
    }
  }

  finish(version: number): Snapshot {
    const metadata = this.#metadata;
    if (metadata === undefined || this.#protocol === undefined) {
      throw new PixlakeError('TABLE_CORRUPT', `the log of ${this.#folder} has no protocol or no metadata`);
    }
    return {
      folder: this.#folder,
      version,
      schema: parseSchema(metadata.schemaString, this.#folder),
      partitionColumns: metadata.partitionColumns,
      metadata,
      files: Array.from(this.#files.values(), (add) => toDataFile(this.#folder, add)),
    };
  }

  #parse(version: number, line: string): DeltaAction {
    try {
      return JSON.parse(line) as DeltaAction;
    } catch (error) {
      const message = `version ${version} of ${this.#folder} holds a line that is not JSON: ${messageOf(error)}`;
      throw new PixlakeError('TABLE_CORRUPT', message, { cause: error });
    }
  }
}

function checkProtocol(folder: string, protocol: ProtocolAction): void {
  if (protocol.minReaderVersion <= READER_VERSION && protocol.minWriterVersion <= WRITER_VERSION) return;
  const features = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])];
  const wanted =
    features.length > 0 ? `the features ${[...new Set(features)].join(', ')}` : 'a newer protocol';
  throw new PixlakeError(
    'TABLE_FEATURE_UNSUPPORTED',
    `${folder} needs ${wanted} (reader ${protocol.minReaderVersion}, writer ${protocol.minWriterVersion})`,
  );
}

function toDataFile(folder: string, add: AddAction): DataFile {
  const stats = add.stats === undefined ? undefined : (JSON.parse(add.stats) as { numRecords?: number });
  return {
    key: `${folder}/${decodeDataPath(add.path)}`,
    sizeBytes: add.size,
    partitionValues: add.partitionValues,
    rowCount: stats?.numRecords,
    add,
  };
}
