import { ALLOW_COLUMN_DEFAULTS } from './allow-column-defaults.ts';
import { APPEND_ONLY } from './append-only.ts';
import { CATALOG_MANAGED } from './catalog-managed.ts';
import { CHANGE_DATA_FEED } from './change-data-feed.ts';
import { CHECK_CONSTRAINTS } from './check-constraints.ts';
import { CLUSTERING } from './clustering.ts';
import { COLUMN_MAPPING } from './column-mapping.ts';
import { DELETION_VECTORS } from './deletion-vectors.ts';
import { DOMAIN_METADATA } from './domain-metadata.ts';
import { GENERATED_COLUMNS } from './generated-columns.ts';
import { ICEBERG_COMPAT_V1 } from './iceberg-compat-v1.ts';
import { ICEBERG_COMPAT_V2 } from './iceberg-compat-v2.ts';
import { IDENTITY_COLUMNS } from './identity-columns.ts';
import { IN_COMMIT_TIMESTAMP } from './in-commit-timestamp.ts';
import { INVARIANTS } from './invariants.ts';
import { ROW_TRACKING } from './row-tracking.ts';
import { TIMESTAMP_NTZ } from './timestamp-ntz.ts';
import { TYPE_WIDENING } from './type-widening.ts';
import { V2_CHECKPOINT } from './v2-checkpoint.ts';
import { VACUUM_PROTOCOL_CHECK } from './vacuum-protocol-check.ts';
import { VARIANT_SHREDDING } from './variant-shredding.ts';
import { VARIANT_TYPE } from './variant-type.ts';
import type { TableFeature } from './table-feature.ts';

/** The features of the Delta protocol that pixlake knows. Others are refused by name. */
export const TABLE_FEATURES: readonly TableFeature[] = [
  ALLOW_COLUMN_DEFAULTS,
  APPEND_ONLY,
  CATALOG_MANAGED,
  CHANGE_DATA_FEED,
  CHECK_CONSTRAINTS,
  CLUSTERING,
  COLUMN_MAPPING,
  DELETION_VECTORS,
  DOMAIN_METADATA,
  GENERATED_COLUMNS,
  ICEBERG_COMPAT_V1,
  ICEBERG_COMPAT_V2,
  IDENTITY_COLUMNS,
  IN_COMMIT_TIMESTAMP,
  INVARIANTS,
  ROW_TRACKING,
  TIMESTAMP_NTZ,
  TYPE_WIDENING,
  V2_CHECKPOINT,
  VACUUM_PROTOCOL_CHECK,
  VARIANT_SHREDDING,
  VARIANT_TYPE,
];
