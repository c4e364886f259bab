import type { ObjectStore } from '../storage/object-store.ts';
import { decodeDataPath, toDataKey } from './data-path.ts';
import type { AddAction } from './delta-actions.ts';
import type { DataFile } from './snapshot.ts';

/** The part of an `add` or a `remove` that identifies the file. */
type NamedFile = Pick<AddAction, 'path' | 'deletionVector'>;

/**
 * The identity of a file in a log, in `add` and in `remove`: its path and its deletion vector. The same Parquet file with another
 * vector is another file (PROTOCOL.md, "Action Reconciliation").
 */
export function fileIdOf({ path, deletionVector }: NamedFile): string {
  const name = decodeDataPath(path);
  if (deletionVector === undefined) return name;
  const { storageType, pathOrInlineDv, offset } = deletionVector;
  return `${name}\0${storageType}${pathOrInlineDv ?? ''}@${offset ?? ''}`;
}

/**
 * The object key of the Parquet file. Files that differ only in their vector share it.
 *
 * @throws `TABLE_FEATURE_UNSUPPORTED` for files outside the store
 */
export function fileKeyOf({ uri }: ObjectStore, folder: string, { path }: NamedFile): string {
  return toDataKey(uri, folder, path);
}

/** The data file of an `add` action of the table in `folder`. @throws `TABLE_FEATURE_UNSUPPORTED` for files outside the store */
export function toDataFile(store: ObjectStore, folder: string, add: AddAction): DataFile {
  const key = fileKeyOf(store, folder, add);
  return { key, sizeBytes: add.size, partitionValues: add.partitionValues, add };
}
