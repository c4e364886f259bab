import { PixlakeError } from '../../errors.ts';
import type { AddAction } from '../delta-actions.ts';
import type { TableFeature } from './table-feature.ts';

/** Data files with deleted rows, which a vector lists. pixlake reads such tables as long as no file has a vector. */
export const DELETION_VECTORS: TableFeature = {
  name: 'deletionVectors',
  boundTo: 'readers and writers',
  support: 'read',
  refusal: 'pixlake does not keep deletion vectors',
};

/** Checks that no file of a snapshot has a vector. @throws `TABLE_FEATURE_UNSUPPORTED` */
export function checkNoVectors(folder: string, files: Iterable<AddAction>): void {
  for (const { path, deletionVector } of files) {
    if (deletionVector === undefined) continue;
    throw new PixlakeError(
      'TABLE_FEATURE_UNSUPPORTED',
      `${folder} cannot be read: ${path} has deleted rows, which need the feature ${DELETION_VECTORS.name}`,
    );
  }
}
