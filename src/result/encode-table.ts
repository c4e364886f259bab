import type { DuckDBType, DuckDBTypeId, DuckDBValue } from '@duckdb/node-api';
import { duckdb } from '../duckdb/duckdb-api.ts';
import { cellText } from './cell-text.ts';
import { neutralizeText } from './display-text.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';
import { layOutTable, type TextColumn } from './table-layout.ts';

/** How much of a result {@link encodeTable} shows. */
export interface TableOptions {
  /** Rows to show; further rows are only counted. 40 by default. */
  readonly maxRows?: number;
  /** Maximum number of terminal columns in a line; 100 by default. */
  readonly maxWidth?: number;
}

const DEFAULT_MAX_ROWS = 40;
const DEFAULT_MAX_WIDTH = 100;
/** Longer cells are cut before they are measured, because no terminal is this wide. */
const MAX_CELL_CHARACTERS = 1000;

/** No browser or server takes longer ones. */
const LINK = /^https?:\/\/\S{1,8192}$/u;

const NUMERIC: ReadonlySet<DuckDBTypeId> = new Set([
  duckdb.DuckDBTypeId.TINYINT,
  duckdb.DuckDBTypeId.SMALLINT,
  duckdb.DuckDBTypeId.INTEGER,
  duckdb.DuckDBTypeId.BIGINT,
  duckdb.DuckDBTypeId.HUGEINT,
  duckdb.DuckDBTypeId.UTINYINT,
  duckdb.DuckDBTypeId.USMALLINT,
  duckdb.DuckDBTypeId.UINTEGER,
  duckdb.DuckDBTypeId.UBIGINT,
  duckdb.DuckDBTypeId.UHUGEINT,
  duckdb.DuckDBTypeId.BIGNUM,
  duckdb.DuckDBTypeId.FLOAT,
  duckdb.DuckDBTypeId.DOUBLE,
  duckdb.DuckDBTypeId.DECIMAL,
]);

const NESTED: ReadonlySet<DuckDBTypeId> = new Set([
  duckdb.DuckDBTypeId.LIST,
  duckdb.DuckDBTypeId.ARRAY,
  duckdb.DuckDBTypeId.STRUCT,
  duckdb.DuckDBTypeId.MAP,
  duckdb.DuckDBTypeId.UNION,
  duckdb.DuckDBTypeId.BLOB,
]);

/**
 * Writes a result as a table for people: aligned columns, the first rows, then the total as `763 rows (40 shown)`. Nothing in the data
 * can control the terminal; see `neutralizeText`. Links are not cut. Where not all columns fit, hashes, keys and lists are left out first. Further rows are read, but only counted.
 */
export async function* encodeTable(batches: RowBatches, options: TableOptions = {}): AsyncGenerator<string> {
  const { maxRows = DEFAULT_MAX_ROWS, maxWidth = DEFAULT_MAX_WIDTH } = options;
  const rows: DuckDBValue[][] = [];
  let rowCount = 0;
  for await (const batch of batches) {
    rowCount += batch.rowCount;
    if (rows.length < maxRows) rows.push(...batch.getRows().slice(0, maxRows - rows.length));
  }
  const columns = batches.columns.map(({ name, type }, index) => {
    const values = rows.map((row) => row[index] ?? null);
    return textColumn(name, type, values);
  });
  const { lines, columnCount } = layOutTable(columns, maxWidth);
  yield `${lines.join('\n')}\n\n`;
  yield `${[counted(rowCount, rows.length, 'row'), ...omittedColumns(columns.length, columnCount)].join(', ')}\n`;
}

function textColumn(name: string, type: DuckDBType, values: readonly DuckDBValue[]): TextColumn {
  const write = cellText(type);
  const texts = values.map((value) => write(value) ?? 'NULL');
  return {
    name: safeText(name),
    align: NUMERIC.has(type.typeId) ? 'right' : 'left',
    cells: texts.map((text) => (LINK.test(text) ? neutralizeText(text) : safeText(text))),
    isWhole: texts.some((text) => LINK.test(text)),
    rank: rankOf(name, type, texts),
  };
}

/** Names of columns that pixlake computes, whose values are long and tell people little. */
const TECHNICAL = /_(?:sha256|key|path|labels|scores|embedding)$|^(?:sql|transform)$/u;

/** Names of columns that pixlake computes about each image, except what a model says of it. */
const COMPUTED =
  /^(?:(?:image|source|crop|model|run)_.*|copy|brightness|contrast|grayscale|rotation|flipped|blur|seed|model|software|pred_.*_score)$/u;

/** How little a column tells a person who looks at a few rows. */
function rankOf(name: string, type: DuckDBType, texts: readonly string[]): number {
  if (TECHNICAL.test(name) || NESTED.has(type.typeId)) return 3;
  if (texts.length > 0 && texts.every((text) => text === 'NULL')) return 2;
  return COMPUTED.test(name) ? 1 : 0;
}

function safeText(text: string): string {
  return neutralizeText(text.slice(0, MAX_CELL_CHARACTERS));
}

function omittedColumns(total: number, shown: number): string[] {
  return shown === total ? [] : [counted(total, shown, 'column')];
}

function counted(total: number, shown: number, noun: string): string {
  const text = `${total} ${noun}${total === 1 ? '' : 's'}`;
  return shown === total ? text : `${text} (${shown} shown)`;
}
