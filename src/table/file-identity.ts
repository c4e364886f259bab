import type { ObjectStore } from '../storage/object-store.ts';
import { decodeDataPath, toDataKey } from './data-path.ts';
import type { AddAction } from './delta-actions.ts';
import type { DataFile } from './snapshot.ts';

/** The part of an `add` or a `remove` that says which file it is about. */
type NamedFile = Pick<AddAction, 'path' | 'deletionVector'>;

/**
 * What a log knows a file by, whether an action adds or removes it: its path and its deletion vector. The same Parquet file with another
 * vector is another file (PROTOCOL.md, "Action Reconciliation").
 */
export function fileIdOf({ path, deletionVector }: NamedFile): string {
  const name = decodeDataPath(path);
  if (deletionVector === undefined) return name;
  const { storageType, pathOrInlineDv, offset } = deletionVector;
  return `${name}\0${storageType}${pathOrInlineDv ?? ''}@${offset ?? ''}`;
}

/**
 * The object key of a file's Parquet file, which files with different vectors share.
 *
 * @throws `TABLE_FEATURE_UNSUPPORTED` for files outside the store
 */
export function fileKeyOf({ uri }: ObjectStore, folder: string, { path }: NamedFile): string {
  return toDataKey(uri, folder, path);
}

/** The data file that an `add` action of a table in `folder` is about. @throws `TABLE_FEATURE_UNSUPPORTED` for files outside the store */
export function toDataFile(store: ObjectStore, folder: string, add: AddAction): DataFile {
  const key = fileKeyOf(store, folder, add);
  return { key, sizeBytes: add.size, partitionValues: add.partitionValues, add };
}
