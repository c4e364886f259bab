import type { TableFeature } from './table-feature.ts';

/** Columns that number new rows. */
export const IDENTITY_COLUMNS: TableFeature = {
  name: 'identityColumns',
  boundTo: 'writers',
  sinceWriterVersion: 6,
  support: 'read',
  refusal: 'pixlake does not number rows',
};
