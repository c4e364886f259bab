import type { TableFeature } from './table-feature.ts';

/** Data files with deleted rows, which a vector lists. pixlake reads such tables as long as no file has a vector. */
export const DELETION_VECTORS: TableFeature = {
  name: 'deletionVectors',
  boundTo: 'readers and writers',
  support: 'read',
  refusal: 'pixlake does not keep deletion vectors',
};
