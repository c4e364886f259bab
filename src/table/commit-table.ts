import { randomUUID } from 'node:crypto';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AddAction, DeltaAction, RemoveAction } from './delta-actions.ts';
import type { DeltaStruct } from './delta-schema.ts';
import { logKey, PROTOCOL } from './read-snapshot.ts';
import type { DataFile, Snapshot } from './snapshot.ts';

/** What a commit changes: data files added, and data files of `base` taken out. */
export interface TableChange {
  readonly folder: string;
  /** The snapshot that the change was computed from; `undefined` makes the table. */
  readonly base: Snapshot | undefined;
  readonly schema: DeltaStruct;
  readonly partitionColumns: readonly string[];
  readonly added: readonly AddAction[];
  readonly removed: readonly DataFile[];
  readonly operation: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Software that commits, such as `pixlake/0.1.0`. */
  readonly engine: string;
}

/**
 * Commits a change as the version after its base and gives that version. Readers see all of it or nothing: the log entry is one object,
 * put only if no other writer took the version first.
 *
 * @throws `COMMIT_CONFLICT`
 */
export async function commitTable(store: ObjectStore, change: TableChange): Promise<number> {
  const version = (change.base?.version ?? -1) + 1;
  const lines = toActions(change).map((action) => JSON.stringify(action));
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  if (await store.writeIfAbsent(logKey(change.folder, version), bytes, { durable: true })) return version;
  throw new PixlakeError(
    'COMMIT_CONFLICT',
    `another writer committed version ${version} of ${change.folder} first`,
    {
      remedy: 'nothing was changed; run the same command again',
    },
  );
}

function toActions(change: TableChange): DeltaAction[] {
  const now = Date.now();
  const { base, schema, partitionColumns } = change;
  const created: DeltaAction[] =
    base === undefined
      ? [
          { protocol: PROTOCOL },
          {
            metaData: {
              id: randomUUID(),
              format: { provider: 'parquet', options: {} },
              schemaString: JSON.stringify(schema),
              partitionColumns,
              configuration: {},
              createdTime: now,
            },
          },
        ]
      : [];
  const metrics = Object.entries(change.metrics).map(([name, value]) => [name, String(value)]);
  return [
    {
      commitInfo: {
        timestamp: now,
        operation: change.operation,
        operationParameters: change.parameters,
        operationMetrics: Object.fromEntries(metrics),
        engineInfo: change.engine,
      },
    },
    ...created,
    ...change.removed.map((file) => ({ remove: toRemove(file, now) })),
    ...change.added.map((add) => ({ add })),
  ];
}

function toRemove(file: DataFile, deletionTimestamp: number): RemoveAction {
  return {
    path: file.add.path,
    deletionTimestamp,
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.sizeBytes,
  };
}
