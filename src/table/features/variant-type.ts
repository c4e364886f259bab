import type { TableFeature } from './table-feature.ts';

/** Columns of the type `variant`. */
export const VARIANT_TYPE: TableFeature = {
  name: 'variantType',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake does not read the type variant',
};
