import type { TableFeature } from './table-feature.ts';

/** Checkpoints whose actions lie in sidecar files. */
export const V2_CHECKPOINT: TableFeature = {
  name: 'v2Checkpoint',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake does not read checkpoints of version 2',
};
