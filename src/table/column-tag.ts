import { createHash } from 'node:crypto';
import type { AddAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';
import { type DataFile, readStats, type SnapshotFiles } from './snapshot.ts';

/** Tag by which pixlake marks the columns that a data file of its own holds. */
const TAG = 'pixlake.columns';

/** Tags of a data file that holds all columns of a schema but the partition columns. */
export function columnTags(
  schema: DeltaStruct,
  partitionColumns: readonly string[],
): NonNullable<AddAction['tags']> {
  const columns = schema.fields
    .filter(({ name }) => !partitionColumns.includes(name))
    .map(({ name, type }) => [name, type]);
  return { [TAG]: createHash('sha256').update(JSON.stringify(columns)).digest('hex').slice(0, 16) };
}

/**
 * What is known of the columns that a data file holds: `typed` has exactly the table's present columns with their types, `named` has them
 * all in types of its writer's choice, `unknown` may lack some, as files do that are older than a column.
 */
export type ColumnKnowledge = 'typed' | 'named' | 'unknown';

/** Tells what is known of the columns of a snapshot's data files. */
export function columnKnowledge(snapshot: SnapshotFiles): (file: DataFile) => ColumnKnowledge {
  const { schema, partitionColumns } = snapshot;
  const tag = columnTags(schema, partitionColumns)[TAG];
  const names = schema.fields.map(({ name }) => name).filter((name) => !partitionColumns.includes(name));
  return (file) => {
    if (file.add.tags?.[TAG] === tag) return 'typed';
    const counted = readStats(file).nullCount ?? {};
    return names.every((name) => Object.hasOwn(counted, name)) ? 'named' : 'unknown';
  };
}
