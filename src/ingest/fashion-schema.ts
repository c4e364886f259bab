import type { DatasetSchema } from './dataset-schema.ts';

/** Kaggle's "Fashion Product Images": `styles.csv` (https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small). */
export const FASHION_SCHEMA: DatasetSchema = {
  name: 'fashion',
  idColumn: 'id',
  columns: [
    { name: 'id', type: 'BIGINT', required: true, min: 0 },
    { name: 'gender', type: 'VARCHAR' },
    { name: 'masterCategory', type: 'VARCHAR' },
    { name: 'subCategory', type: 'VARCHAR' },
    { name: 'articleType', type: 'VARCHAR' },
    { name: 'baseColour', type: 'VARCHAR' },
    { name: 'season', type: 'VARCHAR' },
    { name: 'year', type: 'INTEGER', min: 1900, max: 2100 },
    { name: 'usage', type: 'VARCHAR' },
    { name: 'productDisplayName', type: 'VARCHAR' },
  ],
  partitionBy: ['masterCategory'],
  sortBy: ['gender', 'subCategory', 'year', 'id'],
};
