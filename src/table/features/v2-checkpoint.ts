import { PixlakeError } from '../../errors.ts';
import type { TableFeature } from './table-feature.ts';

/** Checkpoints whose actions lie in sidecar files. */
export const V2_CHECKPOINT: TableFeature = {
  name: 'v2Checkpoint',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake does not read checkpoints of version 2',
};

/** The error `TABLE_FEATURE_UNSUPPORTED` for `place`, a table or an object of its log that can only be read with the feature. */
export function needsV2Checkpoint(place: string): PixlakeError {
  return new PixlakeError('TABLE_FEATURE_UNSUPPORTED', `${place} needs the feature ${V2_CHECKPOINT.name}`);
}
