import type { MetadataAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';

/** Table property with the columns that rows are sorted by within a data file, as a JSON array of names. */
export const SORT_PROPERTY = 'pixlake.sortBy';

/** The columns that a table's rows are sorted by within a data file; none where the table does not say. */
export function sortColumnsOf(metadata: MetadataAction, schema: DeltaStruct): string[] {
  let names: unknown;
  try {
    names = JSON.parse(metadata.configuration[SORT_PROPERTY] ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(names)) return [];
  return schema.fields.map(({ name }) => name).filter((name) => names.includes(name)).length === names.length
    ? names.map(String)
    : [];
}
