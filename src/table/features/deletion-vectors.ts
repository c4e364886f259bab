import type { TableFeature } from './table-feature.ts';

/** Data files some of whose rows are deleted by a vector beside them; pixlake reads tables in which no file has one. */
export const DELETION_VECTORS: TableFeature = {
  name: 'deletionVectors',
  boundTo: 'readers and writers',
  support: 'read',
  refusal: 'pixlake does not keep deletion vectors',
};
