import type { TableFeature } from './table-feature.ts';

/** Tables whose commits go through a catalog service, so the log folder alone does not show the newest version. */
export const CATALOG_MANAGED: TableFeature = {
  name: 'catalogManaged',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake reads the log folder and does not ask a catalog service',
};
