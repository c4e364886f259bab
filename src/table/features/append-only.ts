import type { MetadataAction } from '../delta-actions.ts';
import type { TableFeature } from './table-feature.ts';

/** Tables that may forbid the removal of rows. */
export const APPEND_ONLY: TableFeature = {
  name: 'appendOnly',
  boundTo: 'writers',
  sinceWriterVersion: 2,
  support: 'read and write',
};

/** Whether a table forbids the removal of rows. */
export function isAppendOnly({ configuration }: MetadataAction): boolean {
  return configuration['delta.appendOnly'] === 'true';
}
