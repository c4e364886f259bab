import { withDuckDb } from '../duckdb/with-duckdb.ts';
import { findTable } from '../catalog/find-table.ts';
import { selectSnapshot } from '../catalog/table-view.ts';
import { quoteText } from '../sql/sql-text.ts';
import { PixlakeError } from '../errors.ts';
import { type ContactCell, renderContactSheet } from '../image/contact-sheet.ts';
import { targetSize } from '../image/transforms/resize.ts';
import type { Run } from './run-spec.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openStore } from '../storage/open-store.ts';
import { findRun } from './inspect-runs.ts';
import { RUNS_SCHEMA } from '../sql/table-reference.ts';

interface SheetRow {
  readonly id: string;
  readonly source_key: string;
  readonly image_keys: readonly string[];
  readonly first: string;
}

/** Maximum number of copies of one original on a sheet. */
const MAX_COPIES = 3;

/** Columns with the name and class of a product, as far as a run has them. */
const TITLE_COLUMNS = ['productDisplayName', 'title', 'name', 'label'];
const CLASS_COLUMNS = ['articleType', 'category', 'class', 'baseColour', 'year'];

/**
 * Draws originals of a finished run next to the written images, with id, name, class and prediction, as a PNG. Rows are taken evenly
 * from the whole manifest.
 *
 * @throws `RUN_NOT_FOUND`, `TABLE_NOT_FOUND` if the run has not finished
 */
export async function renderRunSheet(store: ObjectStore, name: string, limit: number): Promise<Buffer> {
  const { execution } = await findRun(store, name);
  const manifest = await findTable(store, { schema: RUNS_SCHEMA, name });
  if (manifest === undefined) throw new PixlakeError('TABLE_NOT_FOUND', `run ${name} has not finished yet`);
  const { sourceLake } = execution;
  const source = sourceLake === undefined ? store : openStore(sourceLake, store.s3);
  return withDuckDb(store, async (db) => {
    const id = quoteText(execution.run.idColumn);
    const rows = await db.rows<SheetRow>(`
      WITH originals AS (
        SELECT any_value(to_json(m)) AS first, list(image_key ORDER BY "copy")[:${MAX_COPIES}] AS image_keys, source_key
        FROM (${await selectSnapshot(db, store, manifest.snapshot)}) m GROUP BY source_key),
      numbered AS (SELECT *, row_number() OVER (ORDER BY source_key) - 1 AS position, count(*) OVER () AS total FROM originals)
      SELECT json_extract_string(first, ${id}) AS id, source_key, image_keys, first::VARCHAR AS first FROM numbered
      WHERE position % greatest(1, total // ${limit}) = 0 ORDER BY position LIMIT ${limit}`);
    const cells = await Promise.all(rows.map((row) => toCell(source, store, row)));
    const { run, sourceTable, sourceVersion } = execution;
    return renderContactSheet(cells, {
      title: `runs.${name}`,
      subtitle: `${toOneLine(run.sql)} · ${sourceTable} at version ${sourceVersion} · crop up to ${Math.round(run.transform.crop * 100)} %, ${describeSize(run.transform.size)}`,
    });
  });
}

/** SQL for a heading: without comment lines and line ends. */
function toOneLine(sql: string): string {
  return sql
    .replaceAll(/^\s*--.*$/gmu, '')
    .replaceAll(/\s+/gu, ' ')
    .replace(/;\s*$/u, '')
    .trim();
}

async function toCell(source: ObjectStore, store: ObjectStore, row: SheetRow): Promise<ContactCell> {
  return {
    original: await source.read(row.source_key),
    results: await Promise.all(row.image_keys.map((key) => store.read(key))),
    lines: labelOf(row.id, JSON.parse(row.first) as ManifestFields),
  };
}

/** A row of a manifest, as JSON. */
export type ManifestFields = Readonly<Record<string, string | number | boolean | null>>;

/** The lines below an original: id and name, class, prediction; those that a row has. */
export function labelOf(id: string, fields: ManifestFields): string[] {
  const present = (names: readonly string[]): string[] =>
    names.flatMap((column) =>
      fields[column] === null || fields[column] === undefined ? [] : [String(fields[column])],
    );
  const title = present(TITLE_COLUMNS)[0];
  const classes = present(CLASS_COLUMNS).join(' · ');
  const predictions = Object.keys(fields).filter((column) => /^pred_[^_]+$/u.test(column));
  // A prediction for a shown column is more useful than another one.
  const prediction =
    CLASS_COLUMNS.map((column) => `pred_${column}`).find((column) => predictions.includes(column)) ??
    predictions[0];
  const lines = [title === undefined ? id : `${id}  ${title}`, classes];
  if (prediction !== undefined) {
    const score = Number(fields[`${prediction}_score`]);
    const untrained = fields['model_trained'] === false ? ' (untrained)' : '';
    lines.push(`${prediction.slice(5)}: ${String(fields[prediction])} ${score.toFixed(2)}${untrained}`);
  }
  return lines.filter((line) => line !== '');
}

function describeSize(size: Run['transform']['size']): string {
  const { width, height } = targetSize(size);
  return `${width}x${height}`;
}
