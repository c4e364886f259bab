import type { TableFeature } from './table-feature.ts';

/** Data files that Apache Iceberg (version 2 of the rules) can read too. */
export const ICEBERG_COMPAT_V2: TableFeature = {
  name: 'icebergCompatV2',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not write files by the rules of Iceberg',
};
