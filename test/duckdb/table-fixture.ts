import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { selectSnapshot } from '../../src/catalog/table-view.ts';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { type DataFilesRequest, writeDataFiles } from '../../src/duckdb/write-data-files.ts';
import { quoteName, quoteText } from '../../src/sql/sql-text.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { AddAction, FileStats } from '../../src/table/delta-actions.ts';
import { type DeltaStruct, type DeltaType, deltaField } from '../../src/table/delta-schema.ts';
import { NONE } from '../../src/table/file-predicate.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import type { Snapshot } from '../../src/table/snapshot.ts';
import { commitChange } from '../support/commit-change.ts';

export interface Written {
  readonly folder: string;
  readonly added: readonly AddAction[];
  readonly snapshot: Snapshot;
}

/** A lake in a folder of an awkward name, and a DuckDB, for the tests of one file. */
export class TableFixture {
  store!: ObjectStore;
  db!: DuckDb;
  scratchDir = '';
  #tableCount = 0;

  /** Writes the rows of a query as a new table. */
  async writeTable(
    query: string,
    schema: DeltaStruct,
    partitionColumns: readonly string[] = [],
    options: Partial<DataFilesRequest> = {},
  ): Promise<Written> {
    this.#tableCount += 1;
    const folder = `tables/t${this.#tableCount}`;
    const { db, store, scratchDir } = this;
    const target = { query, schema, partitionColumns, folder, scratchDir, ...options };
    const added = await writeDataFiles(db, store, target);
    await commitChange(store, {
      folder,
      base: undefined,
      schema,
      partitionColumns,
      added,
      removed: [],
      reads: NONE,
      operation: 'TEST',
      parameters: {},
      metrics: {},
      software: 'test',
    });
    const snapshot = await readSnapshot(store, folder);
    if (snapshot === undefined) throw new Error('the table is gone');
    return { folder, added, snapshot };
  }

  async readBack<Row>({ snapshot }: Written, order = 'id'): Promise<Row[]> {
    return this.db.rows<Row>(
      `FROM (${await selectSnapshot(this.db, this.store, snapshot)}) ORDER BY ${order}`,
    );
  }
}

/** Opens the fixture before the tests of a file, and removes it after them. */
export function useTables(): TableFixture {
  const tables = new TableFixture();
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
    tables.store = openStore(join(root, "a lake's folder"));
    tables.scratchDir = await tables.store.makeScratchDir();
    tables.db = await openDuckDb({ scratchDir: tables.scratchDir, threads: 1 });
  });
  afterAll(async () => {
    tables.db[Symbol.dispose]();
    await rm(root, { recursive: true, force: true });
  });
  return tables;
}

export function schemaOf(columns: Readonly<Record<string, DeltaType>>): DeltaStruct {
  return { type: 'struct', fields: Object.entries(columns).map(([name, type]) => deltaField(name, type)) };
}

export function statsOf(add: AddAction | undefined): FileStats {
  return JSON.parse(add?.stats ?? '') as FileStats;
}

export function literal(value: string | number | bigint | boolean | null, type: string): string {
  return value === null ? `NULL::${type}` : `${quoteText(String(value))}::${type}`;
}

export function valuesOf(rows: readonly (readonly string[])[], columns: readonly string[]): string {
  const tuples = rows.map((row) => `(${row.join(', ')})`);
  return `SELECT * FROM (VALUES ${tuples.join(', ')}) AS v(${columns.map(quoteName).join(', ')})`;
}
