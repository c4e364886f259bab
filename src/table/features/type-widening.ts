import type { TableFeature } from './table-feature.ts';

/** Columns whose type became wider than that of older data files. */
export const TYPE_WIDENING: TableFeature = {
  name: 'typeWidening',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake does not read columns whose type has changed',
};
