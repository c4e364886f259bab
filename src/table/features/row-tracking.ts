import type { TableFeature } from './table-feature.ts';

/** Row ids that stay the same when a row is moved to another file. */
export const ROW_TRACKING: TableFeature = {
  name: 'rowTracking',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not keep row ids',
};
