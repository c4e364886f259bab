import { z } from 'zod';
import type { ObjectStore } from '../storage/object-store.ts';
import { readStored } from '../storage/stored-json.ts';
import type { AddAction } from '../table/delta-actions.ts';
import { fileKeyOf } from '../table/file-identity.ts';
import { executionKeys, folderOf, tablesFolderOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';

const count = z.int().min(0);

const addAction = z.custom<AddAction>(
  (value) => typeof value === 'object' && value !== null && 'path' in value,
);

const blockSchema = z.object({
  block: count,
  shardCount: count,
  imageCount: count,
  takenCount: count,
  errorCount: count,
  imageBytes: count,
  /** The block's data file of the manifest, ready to be committed; null if no image was written. */
  manifest: addAction.nullable(),
  /** The block's data file of the errors; null if there are none. */
  errors: addAction.nullable(),
});

/** The contents of a block's marker, which is written after its data files. */
export type BlockMarker = Readonly<z.output<typeof blockSchema>>;

/** Reads a block's marker; `undefined` if it or one of its data files is missing, or if it is damaged. */
export async function readBlock(
  store: ObjectStore,
  execution: Execution,
  block: number,
): Promise<BlockMarker | undefined> {
  const stored = await readStored(store, executionKeys.block(folderOf(execution), block));
  const { data: marker } = blockSchema.safeParse(stored);
  const holds = marker?.block === block && (await hasFiles(store, execution, marker));
  return holds ? marker : undefined;
}

async function hasFiles(store: ObjectStore, execution: Execution, marker: BlockMarker): Promise<boolean> {
  const folder = tablesFolderOf(execution);
  for (const table of ['manifest', 'errors'] as const) {
    const add = marker[table];
    if (add === null) continue;
    const present = await store.stat(fileKeyOf(store, executionKeys[table](folder), add));
    if (present?.sizeBytes !== add.size) return false;
  }
  return true;
}
