import { type Attachment, detachTable } from '../catalog/attached-table.ts';
import { listFiles, type TableFiles } from '../catalog/list-files.ts';
import {
  describeTable,
  listVersions,
  summarizeTables,
  type TableDescription,
  type TableListSpec,
  type TableSummary,
} from '../catalog/summarize-tables.ts';
import { type DeleteReport, type DeleteSpec, deleteRows } from '../maintenance/delete-rows.ts';
import { type DropTableReport, type DropTableSpec, dropTable } from '../maintenance/drop-table.ts';
import { type OptimizeReport, type OptimizeSpec, optimizeTable } from '../maintenance/optimize-table.ts';
import { type RestoreReport, restoreTable } from '../maintenance/restore-table.ts';
import { type VacuumReport, type VacuumSpec, vacuumTable } from '../maintenance/vacuum-table.ts';
import { type VerifyReport, verifyTable } from '../maintenance/verify-table.ts';
import { checkLake, createLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { TableVersion } from '../table/table-history.ts';
import { openMaintenance } from './open-maintenance.ts';
import { attachTable } from '../catalog/attach-table.ts';

/** The tables of a lake and the outputs of its runs. All verbs throw `PixlakeError`. */
export class Tables {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Tables, and then outputs of finished runs, each by name; all of them by default. */
  async list(spec: TableListSpec = {}): Promise<TableSummary[]> {
    await checkLake(this.#store);
    return summarizeTables(this.#store, spec);
  }

  /** One table with its columns. @throws `TABLE_NOT_FOUND` */
  async describe(name: string): Promise<TableDescription> {
    await checkLake(this.#store);
    return describeTable(this.#store, name);
  }

  /** The Parquet files of a version of a table, for other readers; see {@link listFiles}. */
  async files(name: string, at?: string): Promise<TableFiles> {
    await checkLake(this.#store);
    return listFiles(this.#store, name, at);
  }

  /** The commits of a table before a version, newest first; see {@link listVersions}. */
  async history(name: string, limit = Number.MAX_SAFE_INTEGER, before?: number): Promise<TableVersion[]> {
    await checkLake(this.#store);
    return listVersions(this.#store, name, limit, before);
  }

  /** Deletes rows of a table; see {@link deleteRows}. */
  async delete(spec: DeleteSpec, signal?: AbortSignal): Promise<DeleteReport> {
    return deleteRows(await openMaintenance(this.#store, signal), spec);
  }

  /** Restores a table to an earlier version or time; see {@link restoreTable}. */
  async restore(table: string, to: string): Promise<RestoreReport> {
    return restoreTable(await openMaintenance(this.#store), { table, to });
  }

  /** Compacts small data files; see {@link optimizeTable}. */
  async optimize(spec: OptimizeSpec, signal?: AbortSignal): Promise<OptimizeReport> {
    return optimizeTable(await openMaintenance(this.#store, signal), spec);
  }

  /** Removes files that no version within the retention needs; see {@link vacuumTable}. */
  async vacuum(spec: VacuumSpec, signal?: AbortSignal): Promise<VacuumReport> {
    return vacuumTable(await openMaintenance(this.#store, signal), spec);
  }

  /** Checks that a table is whole; see {@link verifyTable}. */
  async verify(table: string, isDeep = false, signal?: AbortSignal): Promise<VerifyReport> {
    return verifyTable(await openMaintenance(this.#store, signal), { table, isDeep });
  }

  /** Removes a table and its originals; see {@link dropTable}. */
  async drop(spec: DropTableSpec, signal?: AbortSignal): Promise<DropTableReport> {
    return dropTable(await openMaintenance(this.#store, signal), spec);
  }

  /** Registers a table that another program wrote, for reading; see {@link attachTable}. Makes the lake if it does not exist. */
  async attach(name: string, uri: string): Promise<Attachment> {
    await createLake(this.#store);
    return attachTable(this.#store, name, uri);
  }

  /** Forgets an attached table. */
  async detach(name: string): Promise<void> {
    await checkLake(this.#store);
    await detachTable(this.#store, name);
  }
}
