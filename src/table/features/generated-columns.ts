import type { TableFeature } from './table-feature.ts';

/** Columns whose values are SQL expressions over other columns. */
export const GENERATED_COLUMNS: TableFeature = {
  name: 'generatedColumns',
  boundTo: 'writers',
  sinceWriterVersion: 4,
  support: 'read',
  refusal: 'pixlake does not compute generated columns',
};
