import type { MetadataAction } from '../delta-actions.ts';
import type { TableFeature } from './table-feature.ts';

/** Columns that have other names in data files than in the schema. Reader version 2 implies it, but only {@link mapsColumns} makes it matter. */
export const COLUMN_MAPPING: TableFeature = {
  name: 'columnMapping',
  boundTo: 'readers and writers',
  sinceWriterVersion: 5,
  support: 'none',
  refusal: 'pixlake finds columns in data files by their names in the schema',
};

/** Whether a table maps its columns: the feature may be there without being used. */
export function mapsColumns({ configuration }: MetadataAction): boolean {
  return (configuration['delta.columnMapping.mode'] ?? 'none') !== 'none';
}
