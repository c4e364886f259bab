import { mkdir, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { type DuckDb, openDuckDb } from '../duckdb/open-duckdb.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { blockCountOf, blockOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import type { FinishedShards } from './finished-shards.ts';
import { mergeBlock } from './merge-block.ts';

/** Memory of DuckDB for merging a block; the rest goes to disk. */
const MEMORY_BYTES = Math.min(1024 ** 3, Math.floor(totalmem() / 4));

/** Merges blocks one after another, each as soon as all of its shards are done, while other shards are in progress. */
export class BlockMerger implements AsyncDisposable {
  readonly #store: ObjectStore;
  readonly #execution: Execution;
  readonly #finished: FinishedShards;
  readonly #begun = new Set<number>();
  #opened: Promise<{ readonly db: DuckDb; readonly scratchDir: string }> | undefined;
  #work: Promise<void> = Promise.resolve();
  #failure: unknown;
  #damagedCount = 0;

  constructor(store: ObjectStore, execution: Execution, finished: FinishedShards) {
    this.#store = store;
    this.#execution = execution;
    this.#finished = finished;
  }

  /** Opens its DuckDB, so the first block does not wait for it. */
  prepare(): void {
    this.#opened ??= this.#open();
    // The first merge reports an error.
    this.#opened.catch(() => undefined);
  }

  /** Notes that a shard is done. */
  shardDone(shard: number): void {
    this.#finished.set(shard, true);
    this.#mergeIfReady(blockOf(shard));
  }

  /**
   * Merges the remaining blocks and waits for them.
   *
   * @returns the number of damaged shards, which must be done again
   * @throws as {@link mergeBlock} does
   */
  async finish(): Promise<number> {
    for (let block = 0; block < blockCountOf(this.#execution); block++) this.#mergeIfReady(block);
    await this.#work;
    if (this.#failure !== undefined) throw this.#failure;
    const damagedCount = this.#damagedCount;
    this.#damagedCount = 0;
    return damagedCount;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work;
    // A merge that could not open it has said so.
    const opened = await this.#opened?.catch(() => undefined);
    if (opened === undefined) return;
    opened.db[Symbol.dispose]();
    await rm(opened.scratchDir, { recursive: true, force: true });
  }

  #mergeIfReady(block: number): void {
    if (this.#begun.has(block) || !this.#finished.isReadyToMerge(block)) return;
    this.#begun.add(block);
    this.#work = this.#work.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await this.#merge(block);
      } catch (error) {
        this.#failure = error;
      }
    });
  }

  async #merge(block: number): Promise<void> {
    this.#opened ??= this.#open();
    const { db, scratchDir } = await this.#opened;
    // Downloaded parts are removed with their block, because all parts of a large run would fill a disk.
    const blockDir = join(scratchDir, `block-${block}`);
    await mkdir(blockDir);
    const context = { db, scratchDir: blockDir, store: this.#store, execution: this.#execution };
    const merged = await mergeBlock(context, block);
    await rm(blockDir, { recursive: true });
    if (!('kind' in merged)) {
      this.#finished.addBlock(merged);
      return;
    }
    for (const shard of merged.shards) this.#finished.set(shard, false);
    this.#damagedCount += merged.shards.length;
    this.#begun.delete(block);
  }

  async #open(): Promise<{ readonly db: DuckDb; readonly scratchDir: string }> {
    const scratchDir = await this.#store.makeScratchDir();
    const db = await openDuckDb({ scratchDir, memoryBytes: MEMORY_BYTES });
    // Parts are read once and not cached, because those of a few thousand shards would fill the memory.
    await db.run('SET enable_external_file_cache = false');
    return { db, scratchDir };
  }
}
