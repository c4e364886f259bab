import { basename } from 'node:path';
import { encodeDataPath } from '../table/data-path.ts';
import type { DataFile } from '../table/snapshot.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';

/** Parquet files below a folder, or the file with that key. Other tools hide files whose names begin with `_` or `.`. */
export async function listParquetFiles(store: ObjectStore, folder: string): Promise<DataFile[]> {
  const single = await store.stat(folder);
  if (single !== undefined) return [toDataFile(folder, single)];
  const files: DataFile[] = [];
  for await (const entry of store.list(folder)) {
    const { key } = entry;
    const isHidden = key
      .slice(folder.length + 1)
      .split('/')
      .some((part) => /^[._]/u.test(part));
    if (!isHidden && /\.parquet$/iu.test(key)) files.push(toDataFile(folder, entry));
  }
  return files.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function toDataFile(folder: string, { key, sizeBytes, modifiedMs }: ObjectEntry): DataFile {
  const path = key === folder ? basename(key) : key.slice(folder.length + 1);
  const folders = path.split('/').slice(0, -1);
  const values = folders.flatMap((part) => {
    const equals = part.indexOf('=');
    return equals === -1 ? [] : [[part.slice(0, equals), decodeValue(part.slice(equals + 1))] as const];
  });
  const partitionValues = Object.fromEntries(values);
  const add = {
    path: encodeDataPath(path),
    partitionValues,
    size: sizeBytes,
    modificationTime: modifiedMs,
    dataChange: true,
  };
  return { key, sizeBytes, partitionValues, add };
}

function decodeValue(text: string): string | null {
  if (text === '__HIVE_DEFAULT_PARTITION__') return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
