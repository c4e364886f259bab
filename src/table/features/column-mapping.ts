import type { MetadataAction } from '../delta-actions.ts';
import type { TableFeature } from './table-feature.ts';

/** Columns with other names in data files than in the schema. Reader version 2 implies the feature; {@link mapsColumns} tells whether a table uses it. */
export const COLUMN_MAPPING: TableFeature = {
  name: 'columnMapping',
  boundTo: 'readers and writers',
  sinceWriterVersion: 5,
  support: 'none',
  refusal: 'pixlake finds columns in data files by their names in the schema',
};

/** Whether a table maps its columns. A table may have the feature without using it. */
export function mapsColumns({ configuration }: MetadataAction): boolean {
  return (configuration['delta.columnMapping.mode'] ?? 'none') !== 'none';
}
