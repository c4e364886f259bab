import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DeltaType } from '../../src/table/delta-schema.ts';

let instance: Promise<DuckDBInstance> | undefined;

/** Runs one statement in a DuckDB that knows nothing of pixlake, and gives its rows. */
export async function duckDb(sql: string): Promise<unknown[][]> {
  instance ??= DuckDBInstance.create(':memory:');
  const connection = await (await instance).connect();
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } finally {
    connection.closeSync();
  }
}

/** A data file that a query's rows are written to, as its `add` action; `path` is that on the disk. */
export async function writeFileOf(table: string, path: string, query: string): Promise<{ size: number }> {
  const file = join(table, path);
  await mkdir(dirname(file), { recursive: true });
  await duckDb(`COPY (${query}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`);
  return { size: (await stat(file)).size };
}

/** Writes one entry of a table's log as another writer would. */
export async function writeEntry(table: string, version: number, actions: readonly object[]): Promise<void> {
  await mkdir(join(table, '_delta_log'), { recursive: true });
  const lines = actions.map((action) => JSON.stringify(action)).join('\n');
  await writeFile(join(table, '_delta_log', `${String(version).padStart(20, '0')}.json`), `${lines}\n`);
}

/** The actions that make a table of some columns. */
export function makeTable(
  columns: Readonly<Record<string, DeltaType>>,
  options: {
    readonly partitionColumns?: readonly string[];
    readonly configuration?: Readonly<Record<string, string>>;
    readonly protocol?: object;
  } = {},
): object[] {
  const fields = Object.entries(columns).map(([name, type]) => ({
    name,
    type,
    nullable: true,
    metadata: {},
  }));
  return [
    { protocol: options.protocol ?? { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: 'test',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns: options.partitionColumns ?? [],
        configuration: options.configuration ?? {},
      },
    },
  ];
}
