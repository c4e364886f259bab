import { createReadStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { parseAsOf } from '../table/as-of.ts';
import { explainRefusal } from './explain-refusal.ts';
import { guardSelect, guardText, splitExplain } from '../sql/guard-select.ts';
import { createViews } from '../catalog/lake-tables.ts';
import { type ParsedSelect, parseSelect } from '../sql/parse-select.ts';
import type { LockedStatement, ResultPiece, SqlParameters } from './query-messages.ts';
import { type PoolStatus, QueryPool } from './query-pool.ts';
import { abandoned, type QuerySlot } from './query-slot.ts';
import { defaultSandboxLimits, type SandboxLimits } from './sandbox-limits.ts';
import type { CheckedSql, QueriedTable } from '../catalog/found-table.ts';

/** Formats of the results of untrusted queries. */
export const SANDBOX_FORMATS = ['json', 'ndjson', 'csv', 'arrow', 'parquet'] as const;

/** An untrusted query. */
export interface SandboxQuery {
  readonly sql: string;
  readonly parameters?: SqlParameters;
  /** Version or time for tables without one in the SQL; see {@link parseAsOf}. */
  readonly at?: string;
  /** Maximum number of rows. */
  readonly limit?: number;
  readonly format: (typeof SANDBOX_FORMATS)[number];
  /** Ends the query and frees its process. */
  readonly signal?: AbortSignal;
}

/** The result of an untrusted query. Read `bytes` once, then dispose it. Disposing early cancels the query. */
export interface SandboxResult extends AsyncDisposable {
  readonly tables: readonly QueriedTable[];
  /** @throws `QUERY_…`, `SQL_FAILED`, `RESULT_TOO_LARGE` while iterating */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Runs untrusted SQL in three layers: DuckDB's parser and a list of what is allowed; a DuckDB for each query, locked to the
 * files of the snapshots it reads; and a process around it that the operating system confines and that is killed if it takes too long.
 */
export class QuerySandbox implements AsyncDisposable {
  readonly limits: SandboxLimits;
  readonly #store: ObjectStore;
  readonly #pool: QueryPool;

  private constructor(store: ObjectStore, pool: QueryPool, limits: SandboxLimits) {
    this.limits = limits;
    this.#store = store;
    this.#pool = pool;
  }

  /** Starts the query processes for a lake. @throws `SANDBOX_UNAVAILABLE` */
  static async open(store: ObjectStore, limits: Partial<SandboxLimits> = {}): Promise<QuerySandbox> {
    const all = { ...defaultSandboxLimits(), ...limits };
    const pool = await QueryPool.open(all, store.s3.reader === 'httpfs');
    return new QuerySandbox(store, pool, all);
  }

  get status(): PoolStatus {
    return this.#pool.status;
  }

  /**
   * Starts one SELECT, or EXPLAIN of one.
   *
   * @throws `SQL_…`, `TABLE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND`, `QUERY_…`, `RESULT_TOO_LARGE`, `SERVER_BUSY`
   */
  async query({
    sql: text,
    parameters = {},
    at,
    limit,
    format,
    signal,
  }: SandboxQuery): Promise<SandboxResult> {
    const { isExplained, sql } = splitExplain(text);
    const lease = await this.#lease(sql, signal);
    const { slot } = lease;
    try {
      const { parsed, tables } = await this.#prepare(slot, sql, at);
      // One more than allowed, to detect a result that is too large.
      const maxRows = Math.min(limit ?? Number.MAX_SAFE_INTEGER, this.limits.maxRows + 1);
      const limited = `FROM (${parsed.sql}\n) LIMIT ${maxRows}`;
      const statement = {
        sql: isExplained ? `EXPLAIN ${limited}` : limited,
        parameters,
        paths: slot.paths,
      };
      if (format === 'parquet') {
        if (isExplained)
          throw new PixlakeError('ARGUMENT_INVALID', 'a plan is not available as Parquet; use JSON or CSV');
        const path = await this.#copy(slot, statement, false);
        lease.checkSignal();
        return { tables, bytes: this.#limitBytes(createReadStream(path)), ...lease };
      }
      const first = (await slot.ask({ kind: 'start', format, ...statement })) as ResultPiece;
      lease.checkSignal();
      this.#checkRows(first.rowCount);
      return { tables, bytes: this.#limitBytes(this.#pull(slot, first)), ...lease };
    } catch (error) {
      await lease[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Checks and describes a query without running it. @throws as {@link query} does */
  async check(sql: string): Promise<CheckedSql> {
    await using lease = await this.#lease(sql, undefined);
    const { slot } = lease;
    const { parsed, tables } = await this.#prepare(slot, sql, undefined);
    const { paths } = slot;
    const checked = { kind: 'check', sql: `FROM (${parsed.sql}\n)`, parameters: {}, paths } as const;
    return { columns: (await slot.ask(checked)) as string[], tables };
  }

  /**
   * Writes the rows of one SELECT to a local Parquet file, in the types that tables store; for the planner of runs.
   *
   * @throws as {@link query} does
   */
  async selectInto(
    sql: string,
    path: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<{ readonly tables: readonly QueriedTable[]; readonly tree: unknown }> {
    await using lease = await this.#lease(sql, signal);
    const { slot } = lease;
    slot.allow(timeoutMs);
    const { parsed, tables } = await this.#prepare(slot, sql, undefined);
    const { paths } = slot;
    await copyFile(await this.#copy(slot, { sql: parsed.sql, parameters: {}, paths }, true), path);
    return { tables, tree: parsed.tree };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  /** Takes a process for one query. The signal interrupts it. */
  async #lease(
    sql: string,
    signal: AbortSignal | undefined,
  ): Promise<AsyncDisposable & { readonly slot: QuerySlot; checkSignal(): void }> {
    guardText(sql);
    const slot = await this.#pool.acquire(signal);
    const interrupt = (): void => slot.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    let isReleased = false;
    return {
      slot,
      checkSignal: () => {
        if (signal?.aborted) throw abandoned();
      },
      [Symbol.asyncDispose]: async () => {
        if (isReleased) return;
        isReleased = true;
        signal?.removeEventListener('abort', interrupt);
        await this.#pool.release(slot);
      },
    };
  }

  async #prepare(
    slot: QuerySlot,
    sql: string,
    at: string | undefined,
  ): Promise<{ parsed: ParsedSelect; tables: QueriedTable[] }> {
    const parsed = await parseSelect(slot, sql, guardSelect).catch(async (error: unknown) => {
      throw await explainRefusal(slot, error);
    });
    const asOf = at === undefined ? undefined : parseAsOf(at);
    return { parsed, tables: await createViews(slot, this.#store, parsed, asOf) };
  }

  async #copy(slot: QuerySlot, statement: LockedStatement, asTableTypes: boolean): Promise<string> {
    const path = join(slot.scratchDir, 'result.parquet');
    const rowCount = (await slot.ask({ kind: 'copy', path, asTableTypes, ...statement })) as number;
    if (!asTableTypes) this.#checkRows(rowCount);
    return path;
  }

  async *#pull(slot: QuerySlot, first: ResultPiece): AsyncGenerator<Uint8Array> {
    let piece = first;
    while (piece.bytes !== undefined) {
      const stalled = setTimeout(() => {
        slot.kill(new PixlakeError('QUERY_TIMEOUT', 'the client stopped reading the result'));
      }, this.limits.stallMs);
      try {
        yield piece.bytes;
      } finally {
        clearTimeout(stalled);
      }
      piece = (await slot.ask({ kind: 'pull' })) as ResultPiece;
      this.#checkRows(piece.rowCount);
    }
  }

  #checkRows(rowCount: number): void {
    const { maxRows } = this.limits;
    if (rowCount <= maxRows) return;
    throw new PixlakeError('RESULT_TOO_LARGE', `the result has more than ${maxRows} rows`, {
      remedy: 'use LIMIT, or fetch the rows in groups with a WHERE clause',
    });
  }

  async *#limitBytes(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    for await (const piece of pieces) {
      sizeBytes += piece.length;
      if (sizeBytes > this.limits.maxResultBytes) {
        throw new PixlakeError(
          'RESULT_TOO_LARGE',
          `the result has more than ${this.limits.maxResultBytes} bytes`,
          {
            remedy: 'select fewer columns or rows, or use Parquet or Arrow, which is smaller',
          },
        );
      }
      yield piece;
    }
  }
}
