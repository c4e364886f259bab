import type { QueriedTable } from '../catalog/found-table.ts';
import type { RunningQuery } from '../catalog/query-lake.ts';
import type { TableOptions } from '../result/encode-table.ts';
import { encodeResult } from '../result/encodings.ts';
import type { QueryFormat } from '../result/query-formats.ts';
import { type PlainRow, plainRows } from '../result/plain-row.ts';

/** A column of a result; `name` is unique within it, `type` is that of SQL, such as `VARCHAR` or `BIGINT`. */
export interface QueryColumn {
  readonly name: string;
  readonly type: string;
}

/** The result of a query, whose rows stream. Read it once, as rows or encoded, then dispose it; disposing early cancels the query. */
export class QueryResult implements AsyncDisposable {
  readonly columns: readonly QueryColumn[];
  /** The lake's tables that are read, at their snapshots. */
  readonly tables: readonly QueriedTable[];
  readonly #query: RunningQuery;

  constructor(query: RunningQuery) {
    this.#query = query;
    this.tables = query.tables;
    this.columns = query.batches.columns.map(({ name, type }) => ({ name, type: String(type) }));
  }

  /** The rows one after another; memory does not grow with their number. @throws `SQL_FAILED` or `STORAGE_FULL` while iterating */
  rows(): AsyncGenerator<PlainRow> {
    return plainRows(this.#query.batches);
  }

  /** All rows at once. @throws as {@link rows} does */
  async toArray(): Promise<PlainRow[]> {
    const rows: PlainRow[] = [];
    for await (const row of this.rows()) rows.push(row);
    return rows;
  }

  /** The rows in a format: text, or bytes for `arrow`; see {@link encodeResult}. @throws as {@link rows} does */
  encode(format: QueryFormat, options: TableOptions = {}): AsyncIterable<string | Uint8Array> {
    return encodeResult(format, this.#query.batches, options);
  }

  /** Ends the query and removes its temporary files, as disposing does. */
  async close(): Promise<void> {
    await this.#query[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
