import type { MetadataAction } from '../delta-actions.ts';
import type { TableFeature } from './table-feature.ts';

/** Tables that may forbid to remove rows. */
export const APPEND_ONLY: TableFeature = {
  name: 'appendOnly',
  boundTo: 'writers',
  sinceWriterVersion: 2,
  support: 'read and write',
};

/** Whether a table forbids to remove rows, now. */
export function isAppendOnly({ configuration }: MetadataAction): boolean {
  return configuration['delta.appendOnly'] === 'true';
}
