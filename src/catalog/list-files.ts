import type { ObjectStore } from '../storage/object-store.ts';
import { parseAsOf } from '../table/as-of.ts';
import type { PartitionValues } from '../table/delta-actions.ts';
import { rowCountOf } from '../table/snapshot.ts';
import { parseTableName, sqlNameOf } from '../sql/table-reference.ts';
import { findQueriedTable } from './find-table.ts';
import { selectSnapshot } from './table-view.ts';

/** A Parquet file of a table, as a path or `s3://` URI. */
export interface TableFile {
  readonly uri: string;
  readonly sizeBytes: number;
  /** `undefined` if a file of an attached table has no statistics. */
  readonly rowCount: number | undefined;
  readonly partitionValues: PartitionValues;
}

/** The data files of one version of a table, for readers other than pixlake. */
export interface TableFiles {
  /** The name in SQL. */
  readonly name: string;
  readonly version: number;
  readonly files: readonly TableFile[];
  /** A SELECT in DuckDB's dialect over exactly these files, including partition columns. */
  readonly sql: string;
}

/**
 * Lists the data files of a table, or of a run's manifest, at its newest version or as of another one. Only the log is read.
 *
 * @param at version or time, as {@link parseAsOf} reads it
 * @throws `TABLE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND`, `TABLE_NAME_INVALID`, `ARGUMENT_INVALID`
 */
export async function listFiles(lake: ObjectStore, name: string, at?: string): Promise<TableFiles> {
  const asOf = at === undefined ? {} : { asOf: parseAsOf(at) };
  const { reference, snapshot, store } = await findQueriedTable(lake, { ...parseTableName(name), ...asOf });
  const locate: Parameters<typeof selectSnapshot>[0]['locate'] = async (owner, objects) =>
    objects.map(({ key }) => owner.locate(key));
  return {
    name: sqlNameOf(reference),
    version: snapshot.version,
    files: snapshot.files.map((file) => ({
      uri: store.locate(file.key),
      sizeBytes: file.sizeBytes,
      rowCount: rowCountOf(file),
      partitionValues: file.partitionValues,
    })),
    sql: await selectSnapshot({ locate }, store, snapshot),
  };
}
