import type { TableFeature } from './table-feature.ts';

/** Tables whose commits a catalog service decides, so the log folder alone does not tell the newest version. */
export const CATALOG_MANAGED: TableFeature = {
  name: 'catalogManaged',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake reads the log folder and asks no catalog service',
};
