import type { MetadataAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';

/** Table property with the columns that rows are sorted by within a data file, as a JSON array of names. */
export const SORT_PROPERTY = 'pixlake.sortBy';

/** Table properties with the limits of the images that were ingested, as whole numbers. */
export const LIMIT_PROPERTIES = {
  maxPixels: 'pixlake.maxPixels',
  maxImageMemory: 'pixlake.maxImageMemory',
} as const;

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
