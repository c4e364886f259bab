import { type ErrorCode, PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { DeltaField } from '../table/delta-schema.ts';
import { rowCountOf } from '../table/snapshot.ts';
import { readHistory, type TableVersion } from '../table/table-history.ts';
import { findQueriedTable, findTable, listTableNames } from './find-table.ts';
import type { FoundTable } from './found-table.ts';
import { parseTableName, sqlNameOf, type TableReference } from '../sql/table-reference.ts';

/** A table of the lake, or the output of a run, at its newest version. */
export interface TableSummary {
  /** The name in SQL. */
  readonly name: string;
  readonly version: number;
  /** `undefined` if files of an attached table have no statistics. */
  readonly rowCount: number | undefined;
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly partitionColumns: readonly string[];
  /** Whether it is an attached table, which can only be read. */
  readonly isAttached: boolean;
}

/** A table with its columns; `type` is that of the Delta schema. */
export interface TableDescription extends TableSummary {
  readonly columns: readonly DeltaField[];
}

/** Codes of errors for unreadable runs, which `runs list` names. */
const UNREADABLE_RUN: ReadonlySet<ErrorCode> = new Set(['RUN_TOO_OLD', 'RUN_CORRUPT']);

/** Which tables to list. */
export interface TableListSpec {
  /** `runs` for the outputs of runs, empty for all other tables. */
  readonly schema?: TableReference['schema'] | undefined;
  /** Beginning of the name without quotes, such as `im` or `runs.men`. */
  readonly prefix?: string | undefined;
  /** Lists only those that come after the table of this name. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** Summarizes tables, and then outputs of finished runs, each by name. Unreadable runs are left out. */
export async function summarizeTables(
  store: ObjectStore,
  { schema: wanted, prefix = '', after, limit = Number.MAX_SAFE_INTEGER }: TableListSpec = {},
): Promise<TableSummary[]> {
  const last = after === undefined ? undefined : parseTableName(after);
  const summaries: TableSummary[] = [];
  for (const reference of await listTableNames(store)) {
    const { schema, name } = reference;
    if (wanted !== undefined && schema !== wanted) continue;
    if (!(schema === '' ? name : `${schema}.${name}`).startsWith(prefix)) continue;
    if (last !== undefined && !isAfter(reference, last)) continue;
    if (summaries.length >= limit) break;
    const found = await findTable(store, reference).catch((error: unknown) => {
      if (error instanceof PixlakeError && UNREADABLE_RUN.has(error.code)) return undefined;
      throw error;
    });
    if (found !== undefined) summaries.push(summarize(reference, found));
  }
  return summaries;
}

/** Summarizes one table with its columns. @throws `TABLE_NOT_FOUND` */
export async function describeTable(store: ObjectStore, name: string): Promise<TableDescription> {
  const { reference, ...found } = await findQueriedTable(store, parseTableName(name));
  return { ...summarize(reference, found), columns: found.snapshot.schema.fields };
}

/** Outputs of runs come after all other tables, as in {@link listTableNames}. */
function isAfter({ schema, name }: TableReference, after: TableReference): boolean {
  return schema === after.schema ? name > after.name : after.schema === '';
}

/** The commits of a table before a version, newest first. @throws `TABLE_NOT_FOUND` */
export async function listVersions(
  lake: ObjectStore,
  name: string,
  limit: number,
  before?: number,
): Promise<TableVersion[]> {
  const { store, snapshot } = await findQueriedTable(lake, parseTableName(name));
  return (await readHistory(store, snapshot.folder, limit, before)) ?? [];
}

function summarize(reference: TableReference, { snapshot, isAttached }: FoundTable): TableSummary {
  const { version, files, partitionColumns } = snapshot;
  return {
    name: sqlNameOf(reference),
    version,
    rowCount: files.reduce<number | undefined>((sum, file) => {
      const count = rowCountOf(file);
      return sum === undefined || count === undefined ? undefined : sum + count;
    }, 0),
    fileCount: files.length,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    partitionColumns,
    isAttached,
  };
}
