import type { ObjectStore } from '../storage/object-store.ts';
import { rowCountOf } from '../table/snapshot.ts';
import { findTable, listTableNames } from './find-table.ts';
import { sqlNameOf } from './lake-tables.ts';

/** A table of the lake, or the output of a run, at its newest version. */
export interface TableSummary {
  /** As one writes it in SQL. */
  readonly name: string;
  readonly version: number;
  /** Unknown where files of an attached table have no statistics. */
  readonly rowCount: number | undefined;
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly partitionColumns: readonly string[];
  /** Whether it is a table of others that can only be read. */
  readonly isAttached: boolean;
}

/** Summarizes all tables and outputs of finished runs. */
export async function summarizeTables(store: ObjectStore): Promise<TableSummary[]> {
  const summaries: TableSummary[] = [];
  for (const reference of await listTableNames(store)) {
    const found = await findTable(store, reference);
    if (found === undefined) continue;
    const { version, files, partitionColumns } = found.snapshot;
    summaries.push({
      name: sqlNameOf(reference),
      version,
      rowCount: files.reduce<number | undefined>((sum, file) => {
        const count = rowCountOf(file);
        return sum === undefined || count === undefined ? undefined : sum + count;
      }, 0),
      fileCount: files.length,
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
      partitionColumns,
      isAttached: found.isAttached,
    });
  }
  return summaries;
}
