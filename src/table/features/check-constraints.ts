import type { TableFeature } from './table-feature.ts';

/** SQL conditions that each row must fulfil. */
export const CHECK_CONSTRAINTS: TableFeature = {
  name: 'checkConstraints',
  boundTo: 'writers',
  sinceWriterVersion: 3,
  support: 'read',
  refusal: 'pixlake does not check SQL conditions on rows',
};
