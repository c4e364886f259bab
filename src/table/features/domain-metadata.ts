import type { TableFeature } from './table-feature.ts';

/** Named configurations that writers must carry over into checkpoints. */
export const DOMAIN_METADATA: TableFeature = {
  name: 'domainMetadata',
  boundTo: 'writers',
  support: 'read',
  refusal: 'pixlake does not keep domain metadata in checkpoints',
};
