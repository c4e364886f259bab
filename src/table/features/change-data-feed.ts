import type { TableFeature } from './table-feature.ts';

/** Files that list the changed rows of each commit, for readers of changes. */
export const CHANGE_DATA_FEED: TableFeature = {
  name: 'changeDataFeed',
  boundTo: 'writers',
  sinceWriterVersion: 4,
  support: 'read',
  refusal: 'pixlake does not write change data files',
};
