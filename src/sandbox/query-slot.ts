import type { ChildProcess } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore } from '../storage/object-store.ts';
import { ObjectLocator } from '../duckdb/object-locator.ts';
import type { SqlSession } from '../duckdb/open-duckdb.ts';
import { launchQueryProcess, type ProcessBounds } from './query-launcher.ts';
import type { QueryReply, QueryRequest } from './query-messages.ts';

/** Time for a query process to clean up before it is killed. */
const CLOSE_MS = 2000;

/** DuckDB's share of the memory of its process. The rest is for memory that DuckDB does not count, and for the process itself. */
const DUCKDB_SHARE = 0.5;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: PixlakeError) => void;
}

/**
 * A query process as the server sees it. It has one session at a time; closing a session removes its folder and its DuckDB. A process that
 * does not reply in time is killed, and then the slot is dead.
 */
export class QuerySlot implements SqlSession {
  readonly #bounds: ProcessBounds;
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #startedMs = Date.now();
  readonly #paths = new Set<string>();
  #death: PixlakeError | undefined;
  #nextId = 0;
  #sessionCount = 0;
  #leftMs = 0;
  #objectsDir: string | undefined;
  #locator: ObjectLocator | undefined;

  constructor(bounds: ProcessBounds) {
    this.#bounds = bounds;
    this.#child = launchQueryProcess(bounds);
    this.#child.on('message', (message) => this.#settle(message as QueryReply));
    this.#child.once('error', (error) => {
      this.#die(
        new PixlakeError('SANDBOX_UNAVAILABLE', `a query process cannot be started: ${error.message}`),
      );
    });
    this.#child.once('exit', (code, signal) => {
      this.#die(deathBy(signal ?? `exit code ${code ?? '?'}`));
    });
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  get sessionCount(): number {
    return this.#sessionCount;
  }

  get ageMs(): number {
    return Date.now() - this.#startedMs;
  }

  /** Process id, for metrics and tests. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Folder that the session may write to. */
  get scratchDir(): string {
    return join(this.#bounds.workDir, String(this.#sessionCount));
  }

  /** Files that the session may read. */
  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /** Opens a new session, which may compute for this time in total. */
  async open(threads: number, timeoutMs: number): Promise<void> {
    this.#sessionCount += 1;
    this.#leftMs = timeoutMs;
    this.#paths.clear();
    this.#locator = undefined;
    await mkdir(this.scratchDir, { recursive: true });
    const { memoryBytes, fileBytes } = this.#bounds;
    await this.ask({
      kind: 'open',
      scratchDir: this.scratchDir,
      threads,
      memoryBytes: Math.floor(memoryBytes * DUCKDB_SHARE),
      spillBytes: fileBytes,
    });
  }

  /** Gives the session a new time budget. */
  allow(timeoutMs: number): void {
    this.#leftMs = timeoutMs;
  }

  async run(sql: string): Promise<void> {
    await this.ask({ kind: 'run', sql });
  }

  async serialize(sql: string): Promise<string> {
    return (await this.ask({ kind: 'serialize', sql })) as string;
  }

  /** Objects on S3 come from the cache, so the process needs neither network nor credentials, unless the setting is `httpfs`. */
  async locate(store: ObjectStore, objects: readonly ObjectEntry[]): Promise<string[]> {
    this.#objectsDir ??= store.remote === undefined ? undefined : await store.makeScratchDir();
    this.#locator ??= new ObjectLocator((sql) => this.run(sql), this.#objectsDir ?? this.scratchDir, {
      isConfined: true,
    });
    const paths = await this.#locator.locate(store, objects);
    for (const path of paths) this.#paths.add(path);
    return paths;
  }

  /** Sends a request to the process, within the rest of the session's time. @throws `QUERY_TIMEOUT`, `QUERY_CRASHED`, and the error that it replies */
  async ask(request: QueryRequest): Promise<unknown> {
    const startMs = performance.now();
    const timer = setTimeout(() => {
      this.kill(
        new PixlakeError('QUERY_TIMEOUT', 'the query took longer than allowed', {
          remedy:
            'select fewer rows or columns, or filter by partition columns; a run may take longer than a query',
        }),
      );
    }, this.#leftMs);
    try {
      return await this.#send(request);
    } finally {
      clearTimeout(timer);
      this.#leftMs -= performance.now() - startMs;
    }
  }

  /** Interrupts the session. A process that does not react is killed. */
  interrupt(): void {
    if (this.isDead) return;
    const reason = abandoned();
    const session = this.#sessionCount;
    const timer = setTimeout(() => {
      if (session === this.#sessionCount && this.#pending.size > 0) this.kill(reason);
    }, CLOSE_MS);
    timer.unref();
    this.#child.send({ id: this.#nextId++, request: { kind: 'interrupt' } satisfies QueryRequest });
  }

  /** Ends the session. The process stays if it replies. */
  async close(): Promise<void> {
    const folders = [this.scratchDir, this.#objectsDir];
    this.#objectsDir = undefined;
    if (!this.isDead) {
      this.#leftMs = CLOSE_MS;
      await this.ask({ kind: 'close' }).catch(() => undefined);
    }
    for (const folder of folders) {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    }
  }

  /** Ends the process at once. */
  kill(reason: PixlakeError): void {
    this.#die(reason);
    this.#child.kill('SIGKILL');
  }

  async #send(request: QueryRequest): Promise<unknown> {
    if (this.#death !== undefined) throw this.#death;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ id, request }, (error) => {
        if (error !== null) this.#die(new PixlakeError('QUERY_CRASHED', 'the process of the query died'));
      });
    });
  }

  #settle(reply: QueryReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('value' in reply) return pending?.resolve(reply.value);
    const { code, message, remedy } = reply.error;
    pending?.reject(new PixlakeError(code, message, remedy === undefined ? {} : { remedy }));
  }

  #die(reason: PixlakeError): void {
    this.#death ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#death);
    this.#pending.clear();
  }
}

function deathBy(how: string): PixlakeError {
  return new PixlakeError('QUERY_CRASHED', `the process of the query died (${how})`, {
    remedy: 'ask for less at once: fewer rows, shorter texts, smaller lists',
  });
}

/** The error of a query whose client has gone. */
export function abandoned(): PixlakeError {
  return new PixlakeError('INTERRUPTED', 'the client no longer waits for the query');
}
