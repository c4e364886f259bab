import { PixlakeError } from '../errors.ts';
import type { QueriedTable } from '../catalog/found-table.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { parseTableName } from '../sql/table-reference.ts';
import type { Run } from './run-spec.ts';
import { findQueriedTable } from '../catalog/find-table.ts';

/** Names of options for remedies; by default those of the command line. */
const OPTIONS: NamingWays = {
  table: '--table',
  idColumn: '--id-column',
  cropColumns: '--crop-columns',
};

/** How users set the table of the originals, the id column and the crop columns, for remedies. */
export interface NamingWays {
  readonly table: string;
  readonly idColumn: string;
  readonly cropColumns: string;
}

/** The table of the originals: the given one, else the only table of the SQL. @throws `PLAN_SOURCE_MISSING`, `TABLE_NOT_FOUND` */
export async function chooseSource(
  store: ObjectStore,
  run: Run,
  tables: readonly QueriedTable[],
  ways = OPTIONS,
): Promise<QueriedTable> {
  if (run.table !== undefined) return findQueriedTable(store, parseTableName(run.table));
  const [only, ...others] = tables;
  if (only !== undefined && others.length === 0) return only;
  const message = `the SQL reads ${tables.length} tables, so it is unclear which one has the originals`;
  throw new PixlakeError('PLAN_SOURCE_MISSING', message, {
    remedy: `set the table with ${ways.table}`,
  });
}

/** Checks that the SQL returns the id column. @throws `PLAN_ID_MISSING` */
export function checkIdColumn({ idColumn }: Run, names: readonly string[], ways = OPTIONS): void {
  if (names.includes(idColumn)) return;
  throw new PixlakeError(
    'PLAN_ID_MISSING',
    `the SQL returns no column ${idColumn}, only: ${names.join(', ')}`,
    {
      remedy: `add it to the SELECT, or set another id column with ${ways.idColumn}`,
    },
  );
}

/** Checks that the SQL returns the crop columns. @throws `PLAN_CROP_INVALID` */
export function checkCropNames({ cropColumns }: Run, names: readonly string[], ways = OPTIONS): void {
  const missing = cropColumns?.filter((name) => !names.includes(name)) ?? [];
  if (missing.length === 0) return;
  throw new PixlakeError(
    'PLAN_CROP_INVALID',
    `the SQL returns no column ${missing.join(', ')}, only: ${names.join(', ')}`,
    { remedy: `select it too, or name other columns with ${ways.cropColumns}` },
  );
}
