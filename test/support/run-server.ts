import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { findQueriedTable } from '../../src/catalog/find-table.ts';
import { RunLibrary } from '../../src/run/run-library.ts';
import { RunService } from '../../src/run/run-service.ts';
import type { RunSpec } from '../../src/run/run-spec.ts';
import type { SqlRunner } from '../../src/run/select-rows.ts';
import type { ShardExecutor } from '../../src/run/shard-executor.ts';
import { parseTableName } from '../../src/sql/table-reference.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { makeTestFolder } from './pixlake.ts';
import { inProcessExecutor, makeLake, wrapAttempts, writeParquet } from './run-in-process.ts';

/** A run of shards of one row each. */
export const specOf = (name: string): RunSpec => ({ name, sql: 'SELECT id FROM images', shardSize: 1 });

/** Stands for the sandbox: knows the one SQL of these tests. */
export function createSandbox(
  store: ObjectStore,
  ids: string,
  meanwhile = async (): Promise<void> => undefined,
): SqlRunner {
  const table = async (): ReturnType<typeof findQueriedTable> =>
    findQueriedTable(store, parseTableName('images'));
  return {
    check: async () => ({ columns: ['id'], tables: [await table()] }),
    async selectInto(_sql, path) {
      await meanwhile();
      await copyFile(join(await writeParquet(await makeTestFolder(), ids), 'rows.parquet'), path);
      return { tables: [await table()], tree: {} };
    },
  };
}

/** Attempts that wait until their run is let go, and the runs that have begun. */
export class Hold {
  readonly begun: string[] = [];
  readonly #released = new Set<string>();

  release(...names: readonly string[]): void {
    for (const name of names) this.#released.add(name);
  }

  get executor(): ShardExecutor {
    return wrapAttempts(inProcessExecutor, async ({ folder, shard }, attempt) => {
      const [, name = ''] = folder.split('/');
      if (shard === 0) this.begun.push(name);
      while (!this.#released.has(name)) await sleep(5);
      return attempt();
    });
  }
}

/** A service of runs, and what opens another one on its lake. */
interface Served {
  readonly store: ObjectStore;
  readonly service: RunService;
  readonly open: (executor?: ShardExecutor) => RunService;
}

/** Opens a lake of three images and a service of its runs, which ends with the test. */
export async function serve(
  executor = inProcessExecutor,
  runsAtOnce = 1,
  meanwhile?: (store: ObjectStore) => Promise<void>,
): Promise<Served> {
  const { store } = await makeLake(3);
  const open = (own = executor): RunService => {
    const service = new RunService({
      store,
      runs: new RunLibrary(store, own, 'pixlake/test'),
      sandbox: createSandbox(
        store,
        'SELECT i AS id FROM range(1, 4) t(i)',
        () => meanwhile?.(store) ?? Promise.resolve(),
      ),
      runsAtOnce,
    });
    onTestFinished(() => service[Symbol.asyncDispose]());
    return service;
  };
  return { store, service: open(), open };
}
