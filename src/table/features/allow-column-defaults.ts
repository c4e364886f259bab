import type { TableFeature } from './table-feature.ts';

/** Columns with a default value for rows that do not state one. */
export const ALLOW_COLUMN_DEFAULTS: TableFeature = {
  name: 'allowColumnDefaults',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not fill in default values',
};
