import type { AppendableType } from '../duckdb/appendable.ts';
import { openAppender } from '../duckdb/appender.ts';
import type { DuckDb } from '../duckdb/open-duckdb.ts';
import { quoteName } from '../sql/sql-text.ts';
import type { DatasetSchema } from './dataset-schema.ts';
import { checkHeader, parseRow } from './parse-row.ts';
import { readCsv } from './read-csv.ts';

/** Counts of a staged CSV file. */
export interface StagedRows {
  readonly rowCount: number;
  readonly repairedCount: number;
}

/**
 * Streams a CSV file into the staging tables `staged_rows` (one row for each id: `__image_ref`, `__line`, then the schema's columns) and
 * `rejects` (`line`, `reason`, `raw`). Of several rows with the same id the first one is kept.
 *
 * @throws `SOURCE_NOT_FOUND`, `CSV_EMPTY`, `CSV_NOT_TEXT`, `CSV_HEADER_INVALID`
 */
export async function stageRows(
  db: DuckDb,
  csvPath: string,
  schema: DatasetSchema,
  onRow: (rowCount: number) => void,
): Promise<StagedRows> {
  const columns = schema.columns.map((column) => `${quoteName(column.name)} ${column.type}`);
  await db.run(
    `CREATE TABLE parsed_rows (__image_ref VARCHAR, __line BIGINT, __raw VARCHAR, ${columns.join(', ')})`,
  );
  await db.run('CREATE TABLE rejects (line BIGINT, reason VARCHAR, raw VARCHAR)');
  const types: AppendableType[] = [
    'VARCHAR',
    'BIGINT',
    'VARCHAR',
    ...schema.columns.map((column) => column.type),
  ];
  const rows = await openAppender(db, 'parsed_rows', types);
  const rejects = await openAppender(db, 'rejects', ['BIGINT', 'VARCHAR', 'VARCHAR']);
  const refColumn = schema.imageColumn ?? schema.idColumn;
  const refIndex = schema.columns.findIndex((column) => column.name === refColumn);
  let rowCount = 0;
  let repairedCount = 0;
  const csv = await readCsv(csvPath);
  const header = checkHeader(csv.header, schema);
  for await (const record of csv.records()) {
    const row = parseRow(record, schema, header);
    rowCount += 1;
    if (row.kind === 'reject') rejects.append([row.line, row.reason, row.raw]);
    else {
      if (row.isRepaired) repairedCount += 1;
      const ref = row.values[refIndex] ?? null;
      rows.append([
        ref === null ? null : String(ref).replace(/^\.\//u, ''),
        row.line,
        record.raw,
        ...row.values,
      ]);
    }
    onRow(rowCount);
  }
  rows.close();
  rejects.close();
  await rejectRepeatedIds(db, schema);
  return { rowCount, repairedCount };
}

async function rejectRepeatedIds(db: DuckDb, schema: DatasetSchema): Promise<void> {
  const id = quoteName(schema.idColumn);
  await db.run(`
    CREATE TABLE staged_rows AS
      SELECT * EXCLUDE (__raw) FROM parsed_rows QUALIFY row_number() OVER (PARTITION BY ${id} ORDER BY __line) = 1`);
  await db.run(`
    INSERT INTO rejects
      SELECT again.__line, format('id {} was already on line {}', again.${id}::VARCHAR, first.__line),
             again.__raw
      FROM parsed_rows again JOIN staged_rows first USING (${id})
      WHERE again.__line <> first.__line`);
  await db.run('DROP TABLE parsed_rows');
}
