import type { TableFeature } from './table-feature.ts';

/** Parts of `variant` values in separate columns. */
export const VARIANT_SHREDDING: TableFeature = {
  name: 'variantShredding',
  boundTo: 'readers and writers',
  support: 'none',
  refusal: 'pixlake does not read the type variant',
};
