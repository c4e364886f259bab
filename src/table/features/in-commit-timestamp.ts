import type { TableFeature } from './table-feature.ts';

/** Commit times that are part of the log entry; pixlake reads them, see `commit-times.ts`. */
export const IN_COMMIT_TIMESTAMP: TableFeature = {
  name: 'inCommitTimestamp',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not write commit times in that form',
};
