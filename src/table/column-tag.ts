import { createHash } from 'node:crypto';
import type { AddAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';
import type { DataFile } from './snapshot.ts';

/** Tag of data files that pixlake wrote; its value is a hash of their columns. */
const TAG = 'pixlake.columns';

/** Tags of a data file that holds all columns of a schema except the partition columns. */
export function columnTags(
  schema: DeltaStruct,
  partitionColumns: readonly string[],
): NonNullable<AddAction['tags']> {
  const columns = schema.fields
    .filter(({ name }) => !partitionColumns.includes(name))
    .map(({ name, type }) => [name, type]);
  return { [TAG]: createHash('sha256').update(JSON.stringify(columns)).digest('hex').slice(0, 16) };
}

/** Whether pixlake wrote a data file, so its bounds cover all values. */
export function isOwnDataFile({ add }: DataFile): boolean {
  return add.tags?.[TAG] !== undefined;
}
