import type { TableFeature } from './table-feature.ts';

/** Columns of the type `timestamp_ntz`, a time without a time zone. */
export const TIMESTAMP_NTZ: TableFeature = {
  name: 'timestampNtz',
  boundTo: 'readers and writers',
  support: 'read and write',
};
