import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { encodeDataPath } from '../../src/table/data-path.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';
import { readSnapshot } from '../../src/table/read-snapshot.ts';
import { writeCheckpoint } from '../../src/table/write-checkpoint.ts';
import { makeTestFolder } from './pixlake.ts';

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

/** Writes the rows of a query as a Parquet file of a folder. */
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

/** What a table is made with. */
interface Making {
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
}

/**
 * Composes a table version by version, as writers other than pixlake do: each call adds an action to the next entry of the log, which
 * {@link commit} writes.
 */
export class DeltaTable {
  /** Folder of the lake that the table is in. */
  readonly lake: string;
  /** Folder of the table. */
  readonly path: string;
  readonly store: ObjectStore;
  #actions: object[] = [];
  #version = 0;

  private constructor(lake: string) {
    this.lake = lake;
    this.path = join(lake, DeltaTable.FOLDER);
    this.store = openStore(lake);
  }

  /** Key of the folder of the table, which has the name `t`. */
  static readonly FOLDER = 'tables/t';

  /** Begins a table without a version in a lake that is made, by default in a folder of the test. */
  static async begin(lake?: string): Promise<DeltaTable> {
    const table = new DeltaTable(lake ?? (await makeTestFolder()));
    await mkdir(table.path, { recursive: true });
    await writeFile(join(table.lake, 'pixlake.json'), '{"layoutVersion":1}');
    return table;
  }

  /** Any action, of whatever writer. */
  action(action: object): this {
    this.#actions.push(action);
    return this;
  }

  /** Makes the table, or changes its metadata: some columns, or none yet. */
  metadata(columns?: Readonly<Record<string, DeltaType>>, making: Making = {}): this {
    const fields = Object.entries(columns ?? {}).map(([name, type]) => ({
      name,
      type,
      nullable: true,
      metadata: {},
    }));
    return this.action({
      metaData: {
        id: 'test',
        format: { provider: 'parquet', options: {} },
        ...(columns === undefined ? {} : { schemaString: JSON.stringify({ type: 'struct', fields }) }),
        partitionColumns: making.partitionColumns ?? [],
        configuration: making.configuration ?? {},
      },
    });
  }

  /** The oldest protocol, or one that demands features of readers and writers. */
  protocol(...features: readonly string[]): this {
    return this.action({
      protocol:
        features.length === 0
          ? { minReaderVersion: 1, minWriterVersion: 2 }
          : { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: features, writerFeatures: features },
    });
  }

  /** A file that need not be there; `stats` as an object. */
  add(path: string, { stats, ...more }: Readonly<Record<string, unknown>> = {}): this {
    const add = { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, ...more };
    return this.action({ add: stats === undefined ? add : { ...add, stats: JSON.stringify(stats) } });
  }

  /** A file that the rows of a query are written to; `path` is that on the disk. */
  async addRows(path: string, query: string, more: Readonly<Record<string, unknown>> = {}): Promise<this> {
    const { size } = await writeFileOf(this.path, path, query);
    return this.add(encodeDataPath(path), { size, ...more });
  }

  remove(path: string, more: object = {}): this {
    return this.action({ remove: { path, dataChange: true, deletionTimestamp: 0, ...more } });
  }

  /** Says when the version was written. */
  commitInfo(timestamp: number, more: object = {}): this {
    return this.action({ commitInfo: { timestamp, operation: 'WRITE', ...more } });
  }

  /** Writes the actions so far as the next version, and gives its number. */
  async commit(): Promise<number> {
    const version = this.#version;
    await writeEntry(this.path, version, this.#actions);
    this.#actions = [];
    this.#version += 1;
    return version;
  }

  /** Writes the checkpoint of the newest version. */
  async checkpoint(): Promise<void> {
    const snapshot = await readSnapshot(this.store, DeltaTable.FOLDER);
    if (snapshot === undefined) throw new Error('the table has no version');
    await writeCheckpoint(this.store, snapshot);
  }
}
