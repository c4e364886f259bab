import type { TableFeature } from './table-feature.ts';

/** Rows that lie close to each other by some columns (liquid clustering). */
export const CLUSTERING: TableFeature = {
  name: 'clustering',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not keep the clustering of a table',
};
