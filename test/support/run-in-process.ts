import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDb, openDuckDb } from '../../src/duckdb/open-duckdb.ts';
import { quoteText } from '../../src/sql/sql-text.ts';
import { type Lakehouse, openLakehouse } from '../../src/lakehouse.ts';
import { resolveModel as findModel } from '../../src/model/lake-models.ts';
import type { ModelFiles } from '../../src/model/model-files.ts';
import type { RunContext } from '../../src/run/run-context.ts';
import { type RunReport, runImages } from '../../src/run/run-images.ts';
import { parseRunSpec, type RunSpec } from '../../src/run/run-spec.ts';
import { ShardWorker } from '../../src/run/shard-worker.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { AttemptCells, AttemptOutcome } from '../../src/work/attempt.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import type { Workers } from '../../src/work/workers.ts';
import type { ShardJob } from '../../src/work/shard-job.ts';
import { csvLine, drawJpeg, writeCatalogue } from './catalogue.ts';
import { copyTemplate, useTemplate } from './copy-template.ts';
import { makeTestFolder } from './pixlake.ts';
import { makeMemoryCells } from '../../src/run/memory-cells.ts';

/** A lake on a folder with a table `images`. */
export interface TestLake {
  readonly uri: string;
  readonly lakehouse: Lakehouse;
  readonly store: ObjectStore;
}

/** Makes a lake whose table `images` has ids from 1, each with a small image of its own. */
export async function makeLake(rowCount: number): Promise<TestLake> {
  const folder = await copyTemplate(`lake ${rowCount}`, (template) => fillLake(template, rowCount));
  return openLake(join(folder, 'lake'));
}

function openLake(uri: string): TestLake {
  return { uri, lakehouse: openLakehouse({ lake: uri }), store: openLocalStore(uri) };
}

/** Makes such a lake once for the tests of a file, which read it or add to it what no other test minds. */
export function useLake(rowCount: number): { readonly current: TestLake } {
  const template = useTemplate(`lake ${rowCount}`, (folder) => fillLake(folder, rowCount));
  let opened: TestLake | undefined;
  return {
    get current() {
      opened ??= openLake(join(template.folder, 'lake'));
      return opened;
    },
  };
}

/** Copies a lake for a test that was prepared once for all tests that name it. Messages of its errors have the paths of the first one. */
export async function copyLake(name: string, prepare: () => Promise<TestLake>): Promise<TestLake> {
  const folder = await copyTemplate(name, async (template) => {
    const { uri } = await prepare();
    await cp(uri, join(template, 'lake'), { recursive: true });
  });
  return openLake(join(folder, 'lake'));
}

async function fillLake(folder: string, rowCount: number): Promise<void> {
  const ids = Array.from({ length: rowCount }, (_, index) => index + 1);
  const images = ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id, 12, 16)] as const);
  const lines = ids.map((id) => csvLine({ id, gender: id % 2 ? 'Men' : 'Women', year: 2007 + (id % 12) }));
  const source = join(folder, 'source');
  await writeCatalogue(source, lines, Object.fromEntries(await Promise.all(images)));
  await openLake(join(folder, 'lake')).lakehouse.ingest({ source });
}

/** Works on shards one after another in this process, so tests can run what has not been built. */
export const inProcessExecutor: ShardExecutor = {
  async start() {
    const worker = new ShardWorker({ s3: {}, memoryCells: makeMemoryCells() });
    return {
      count: 1,
      attempt: (job, cells) => worker.attempt(job, cells),
      [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
    };
  },
};

/** An executor that has one worker, which does no more than what is given. */
export function createExecutor(attempt: Workers['attempt']): ShardExecutor {
  return {
    start: async () => ({ count: 1, attempt, [Symbol.asyncDispose]: async () => undefined }),
  };
}

/** An executor whose attempts are made by another one, with something before, after or instead. */
export function wrapAttempts(
  executor: ShardExecutor,
  wrap: (
    job: ShardJob,
    attempt: () => Promise<AttemptOutcome>,
    cells: AttemptCells,
  ) => Promise<AttemptOutcome>,
): ShardExecutor {
  return {
    async start(demand) {
      const workers = await executor.start(demand);
      return {
        count: workers.count,
        attempt: (job, cells) => wrap(job, () => workers.attempt(job, cells), cells),
        [Symbol.asyncDispose]: () => workers[Symbol.asyncDispose](),
      };
    },
  };
}

/** What a run needs whose coordinator uses `store`. */
export function makeContext(store: ObjectStore, executor: ShardExecutor = inProcessExecutor): RunContext {
  const resolveModel = (nameOrPath: string): Promise<ModelFiles> => findModel(store, nameOrPath);
  return { source: store, store, executor, resolveModel, software: 'pixlake/test' };
}

/** Executes a run whose coordinator uses `store`. */
export async function runWith(
  store: ObjectStore,
  spec: RunSpec,
  executor: ShardExecutor = inProcessExecutor,
): Promise<RunReport> {
  return runImages(makeContext(store, executor), parseRunSpec(spec, 'test'));
}

/** A store some of whose methods are others. */
export function wrapStore(store: ObjectStore, methods: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get(target, name: keyof ObjectStore) {
      const value = methods[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The rows of a query, as objects. */
export async function queryRows<Row>(
  { lakehouse }: Pick<TestLake, 'lakehouse'>,
  sql: string,
): Promise<Row[]> {
  await using query = await lakehouse.query(sql);
  return (await query.toArray()) as Row[];
}

/** Opens a DuckDB that is closed by `using`, with a folder of its own. */
export async function openTestDb(threads = 1): Promise<DuckDb> {
  return openDuckDb({ scratchDir: await makeTestFolder(), threads });
}

/** Writes the rows of a query as the one data file of a folder of plain Parquet, for `attach`. */
export async function writeParquet(folder: string, sql: string): Promise<string> {
  using db = await openTestDb();
  await db.run(
    `COPY (${sql}) TO ${quoteText(join(folder, 'rows.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  return folder;
}

/** Numbers in [0, 1) from a seed: a linear congruential generator with the constants of Numerical Recipes. */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
