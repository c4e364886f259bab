import type { TableFeature } from './table-feature.ts';

/** Requires vacuum to check that it may write to the table. The vacuum of pixlake always does. */
export const VACUUM_PROTOCOL_CHECK: TableFeature = {
  name: 'vacuumProtocolCheck',
  boundTo: 'readers and writers',
  support: 'read and write',
};
