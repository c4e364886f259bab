import type { CheckedSql, QueriedTable } from '../catalog/found-table.ts';
import { PixlakeError } from '../errors.ts';
import { checkModelName } from '../model/lake-models.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Run } from './run-spec.ts';
import { checkCropNames, checkIdColumn, chooseSource, type NamingWays } from './choose-source.ts';
import { sqlNameOf } from '../sql/table-reference.ts';

/** Clients send a specification and not options. */
const FIELDS: NamingWays = {
  table: 'the field table',
  idColumn: 'the field idColumn',
  cropColumns: 'the field cropColumns',
};

/** Columns by which a run finds the originals of its rows. */
const IMAGE_COLUMNS = ['image_key', 'image_sha256'];

/**
 * Checks without running the SQL of a run that what it names exists: the id column, the table of the originals with its
 * columns, and the model.
 *
 * @throws `PLAN_ID_MISSING`, `PLAN_CROP_INVALID`, `PLAN_SOURCE_MISSING`, `TABLE_NOT_FOUND`, `MODEL_NOT_FOUND`, `MODEL_CARD_INVALID`, `STORAGE_…`
 */
export async function checkRun(store: ObjectStore, run: Run, { columns, tables }: CheckedSql): Promise<void> {
  checkIdColumn(run, columns, FIELDS);
  checkCropNames(run, columns, FIELDS);
  const source = await chooseSource(store, run, tables, FIELDS);
  const hasOriginals = IMAGE_COLUMNS.every((column) => columns.includes(column));
  if (!hasOriginals) checkSource(run, source);
  if (run.model !== undefined) await checkModelName(store, run.model);
}

/** SQL ignores the case of column names. */
function checkSource(run: Run, { reference, snapshot }: QueriedTable): void {
  const known = new Set(snapshot.schema.fields.map(({ name }) => name.toLowerCase()));
  const missing = [run.idColumn, ...IMAGE_COLUMNS].filter((name) => !known.has(name.toLowerCase()));
  if (missing.length === 0) return;
  throw new PixlakeError(
    'PLAN_SOURCE_MISSING',
    `the table ${sqlNameOf(reference)} cannot be that of the originals: it has no column ${missing.join(', ')}`,
    { remedy: 'name the table of the originals in the field table, and its id column in idColumn' },
  );
}
