import type { TableFeature } from './table-feature.ts';

/** Data files that Apache Iceberg (version 1 of the rules) can read too. */
export const ICEBERG_COMPAT_V1: TableFeature = {
  name: 'icebergCompatV1',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not write files by the rules of Iceberg',
};
