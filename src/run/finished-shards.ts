import type { ObjectStore } from '../storage/object-store.ts';
import { blockCountOf, blockOf, executionKeys, folderOf, shardsOf } from './execution.ts';
import type { Execution } from './execution-schema.ts';
import { type BlockMarker, readBlock } from './block-marker.ts';
import { listMarkedShards } from './shard-marker.ts';
import { workInOrder } from './work-in-order.ts';

/** Which shards of an execution are finished, with one bit per shard. */
export class FinishedShards {
  readonly #execution: Execution;
  readonly #isFinished: Uint8Array;
  readonly #counts: Int32Array;
  /** Markers of the blocks that have been merged. */
  readonly blocks = new Map<number, BlockMarker>();

  constructor(execution: Execution) {
    this.#execution = execution;
    this.#isFinished = new Uint8Array(execution.shardCount);
    this.#counts = new Int32Array(blockCountOf(execution));
  }

  get count(): number {
    return this.#counts.reduce((sum, blockCount) => sum + blockCount, 0);
  }

  get pendingCount(): number {
    return this.#execution.shardCount - this.count;
  }

  /** Numbers of the unfinished shards, in order; shards that finish meanwhile are skipped. */
  *pending(): Generator<number> {
    for (let shard = 0; shard < this.#isFinished.length; shard++) if (!this.#isFinished[shard]) yield shard;
  }

  /** Numbers of the finished shards in a range, in order. */
  *done(isWanted: (shard: number) => boolean): Generator<number> {
    for (let shard = 0; shard < this.#isFinished.length; shard++)
      if (this.#isFinished[shard] && isWanted(shard)) yield shard;
  }

  /** Records whether a shard is done. */
  set(shard: number, isFinished: boolean): void {
    if (Boolean(this.#isFinished[shard]) === isFinished || shard >= this.#isFinished.length) return;
    this.#isFinished[shard] = Number(isFinished);
    const block = blockOf(shard);
    this.#counts[block] = (this.#counts[block] ?? 0) + (isFinished ? 1 : -1);
  }

  /** Records that a block has been merged, so all of its shards are done. */
  addBlock(marker: BlockMarker): void {
    this.blocks.set(marker.block, marker);
    const { first, count } = shardsOf(this.#execution, marker.block);
    for (let shard = first; shard < first + count; shard++) this.set(shard, true);
  }

  /** Whether all shards of a block are done and it has not been merged yet. */
  isReadyToMerge(block: number): boolean {
    return !this.blocks.has(block) && this.#counts[block] === shardsOf(this.#execution, block).count;
  }
}

const BLOCKS_AT_ONCE = 16;

/** Reads which shards are finished: one read for each merged block, one listing for each other block. */
export async function readFinishedShards(store: ObjectStore, execution: Execution): Promise<FinishedShards> {
  const folder = folderOf(execution);
  const finished = new FinishedShards(execution);
  const merged = new Set<number>();
  for await (const { key } of store.list(executionKeys.blocks(folder))) {
    const match = /\/(\d+)\.json$/u.exec(key);
    if (match) merged.add(Number(match[1]));
  }
  const blocks = Array.from({ length: blockCountOf(execution) }, (_, block) => block);
  const read = async (block: number): Promise<BlockMarker | number[]> => {
    const marker = merged.has(block) ? await readBlock(store, execution, block) : undefined;
    return marker ?? listMarkedShards(store, folder, block);
  };
  for await (const found of workInOrder(blocks, BLOCKS_AT_ONCE, read)) {
    if (Array.isArray(found)) for (const shard of found) finished.set(shard, true);
    else finished.addBlock(found);
  }
  return finished;
}
