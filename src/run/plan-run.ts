import { rm } from 'node:fs/promises';
import { deltaTypeOf } from '../duckdb/column-type.ts';
import type { QueriedTable } from '../catalog/found-table.ts';
import { type DuckDb, openDuckDb } from '../duckdb/open-duckdb.ts';
import { PixlakeError } from '../errors.ts';
import type { ResultColumn } from '../duckdb/result-stream.ts';
import { PIXELS_VERSION } from '../image/render-image.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { checkModelRuns } from '../model/open-session.ts';
import { LAYOUT_VERSION } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { deltaField } from '../table/delta-schema.ts';
import { executionKeys, folderOf, MANIFEST_VERSION, PLAN_VERSION, readRunState } from './execution.ts';
import { findNewestExecution, inputsOf, readExecution } from './read-executions.ts';
import type { Execution, ExecutionModel } from './execution-schema.ts';
import { manifestFields } from './manifest-columns.ts';
import type { RunContext } from './run-context.ts';
import { isSameRun, type Run, toRunId } from './run-spec.ts';
import { openSelection, type Selection, type SelectRows } from './select-rows.ts';
import { chooseShardSize, cutPlan } from './shard-size.ts';
import { findEarlierImages } from './take-over.ts';
import { hashPlan, meanOriginalBytes, orderRows, writePlanFiles, PLAN_MEMORY_BYTES } from './write-plan.ts';
import { sqlNameOf } from '../sql/table-reference.ts';
import { freezePlan, type PlannedRun } from './freeze-plan.ts';

/** The SQL of a run on the newest snapshots, before its rows are read. Disposing removes temporary files. */
export interface RunPlanner extends AsyncDisposable {
  /** Id of the execution, which does not depend on the matched rows. */
  readonly runId: string;
  /** Reads the matching rows. @throws `PLAN_…`, `SQL_…` */
  plan(): Promise<PlannedRun>;
}

/** Context of planning. */
export interface PlanContext {
  /** The source lake. */
  readonly source: ObjectStore;
  /** The target lake, in which earlier executions of the run may lie. */
  readonly store: ObjectStore;
  /** Makes all images again, including those that an earlier execution has made from the same originals. */
  readonly isFull?: boolean | undefined;
  readonly model: ModelFiles | undefined;
  /** Software that plans, such as `pixlake/0.1.0`. */
  readonly software: string;
  /** Runs untrusted SQL. Without it, the SQL runs in this process. */
  readonly selectRows?: SelectRows | undefined;
  /** Threads of DuckDB; one per core by default. The plan does not depend on them. */
  readonly threads?: number;
}

/**
 * Checks a run's SQL against the newest snapshots.
 *
 * @throws `SQL_…`, `TABLE_NOT_FOUND`, `PLAN_…`, `MODEL_…`, `DEVICE_UNAVAILABLE`
 */
export async function openPlanner(context: PlanContext, run: Run): Promise<RunPlanner> {
  const { source, model, threads } = context;
  // A wrong card, or a model that does not run here, must fail before the run exists.
  if (model !== undefined) await checkModelRuns(model, run.device);
  const scratchDir = await source.makeScratchDir();
  const db = await openDuckDb({
    scratchDir,
    memoryBytes: PLAN_MEMORY_BYTES,
    ...(threads === undefined ? {} : { threads }),
  });
  const close = async (): Promise<void> => {
    db[Symbol.dispose]();
    await rm(scratchDir, { recursive: true, force: true });
  };
  try {
    const selection = await openSelection(db, source, run, scratchDir, context.selectRows);
    const head = describeInputs(context, run, selection);
    return {
      runId: head.runId,
      plan: () => planRows(context, db, head, selection, scratchDir),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type ExecutionHead = Omit<
  Execution,
  'plannedMs' | 'rowCount' | 'shardSize' | 'shardCount' | 'plan' | 'passedColumns' | 'manifestSchema'
>;

function describeInputs({ model, software }: PlanContext, run: Run, selection: Selection): ExecutionHead {
  const { tables, source } = selection;
  const head = {
    layoutVersion: LAYOUT_VERSION,
    run,
    sourceTable: sqlNameOf(source.reference),
    sourceVersion: source.snapshot.version,
    versions: describeVersions([...tables, source]),
    ...(model === undefined ? {} : { model: describeModel(model) }),
    software,
    planVersion: PLAN_VERSION,
    pixelsVersion: PIXELS_VERSION,
    manifestVersion: MANIFEST_VERSION,
  } as const;
  return { ...head, runId: toRunId(run, inputsOf(head)) };
}

/** One query may read several versions of a table. */
function describeVersions(tables: readonly QueriedTable[]): Record<string, string> {
  const found = new Map<string, Set<number>>();
  for (const { isAttached, store, snapshot } of tables) {
    const folder = isAttached ? `${store.uri}/${snapshot.folder}` : snapshot.folder;
    found.set(folder, (found.get(folder) ?? new Set()).add(snapshot.version));
  }
  const describe = (versions: ReadonlySet<number>): string => [...versions].sort((a, b) => a - b).join();
  return Object.fromEntries(Array.from(found, ([folder, versions]) => [folder, describe(versions)]));
}

async function planRows(
  { model, store, isFull }: PlanContext,
  db: DuckDb,
  head: ExecutionHead,
  selection: Selection,
  scratchDir: string,
): Promise<PlannedRun> {
  const { run } = head;
  const passed = passedColumns(selection.columns, model);
  const earlier = isFull ? undefined : await findEarlierImages(db, store, head);
  const rowCount = await orderRows(db, run, selection, passed, earlier);
  const shardSize =
    run.shardSize ?? chooseShardSize(rowCount, run.copies, await meanOriginalBytes(db, selection));
  const cut = cutPlan(rowCount, shardSize);
  const files = await writePlanFiles(db, rowCount, cut, scratchDir);
  const parts = files.map(({ part }) => part);
  const execution: Execution = {
    ...head,
    plannedMs: Date.now(),
    rowCount,
    shardSize: cut.shardSize,
    shardCount: Math.ceil(rowCount / cut.shardSize),
    plan: {
      sha256: hashPlan(parts),
      volatileBecause: [...selection.volatileBecause],
      partRowCount: cut.partRowCount,
      parts,
    },
    passedColumns: passed.map((column) => column.name),
    ...(earlier === undefined ? {} : { takesOver: earlier.runId }),
    manifestSchema: {
      type: 'struct',
      fields: [
        ...passed.map((column) => deltaField(column.name, deltaTypeOf(column.type))),
        ...manifestFields(model?.card),
      ],
    },
  };
  return { execution, files };
}

function describeModel({ card, sha256 }: ModelFiles): ExecutionModel {
  const embeddings = card.outputs.flatMap(({ kind, column }) =>
    kind === 'embedding' ? [`pred_${column}`] : [],
  );
  return { name: card.name, sha256, isTrained: card.trained, embeddings };
}

/** The columns of the SQL that become columns of the manifest. Computed columns win over columns with the same name, for example from an earlier run. */
function passedColumns(columns: readonly ResultColumn[], model: ModelFiles | undefined): ResultColumn[] {
  const taken = new Set(manifestFields(model?.card).map((field) => field.name.toLowerCase()));
  return columns.filter(({ name }) => !taken.has(name.toLowerCase()));
}

/**
 * Plans a run, freezes its plan, and returns the execution to work on: an unfinished one that was started before, or else
 * the one on the present versions of the tables, which may already be finished.
 *
 * @throws `RUN_NAME_TAKEN`, `RUN_CANCELLED`, `RUN_CORRUPT`, `PLAN_…`, `SQL_…`, `MODEL_…`, `STORAGE_…`
 */
export async function planRun(context: RunContext, run: Run): Promise<Execution> {
  const { store } = context;
  const latest = await findNewestExecution(store, run.name);
  if (latest === undefined) return planAndFreeze(context, run);
  if (!isSameRun(latest.run, run)) {
    throw new PixlakeError('RUN_NAME_TAKEN', `run ${run.name} exists and has another specification`, {
      remedy: `choose another --name, or compare with \`pixlake runs show ${run.name}\``,
    });
  }
  const state = await readRunState(store, folderOf(latest));
  if (state === 'finished') return planAndFreeze(context, run);
  if (state === 'cancelled') await liftCancel(context, latest);
  return latest;
}

async function liftCancel({ store, liftsCancel }: RunContext, latest: Execution): Promise<void> {
  if (liftsCancel) return store.delete(executionKeys.cancelled(folderOf(latest)));
  throw new PixlakeError('RUN_CANCELLED', `run ${latest.run.name} was cancelled`, {
    remedy: `\`pixlake runs resume ${latest.run.name}\` continues it`,
  });
}

async function planAndFreeze(
  { source, store, software, selectRows, isFull, resolveModel }: RunContext,
  run: Run,
): Promise<Execution> {
  const model = run.model === undefined ? undefined : await resolveModel(run.model);
  await using planner = await openPlanner({ source, store, model, software, selectRows, isFull }, run);
  const folder = folderOf({ runId: planner.runId, run });
  // A frozen plan stays valid, even if the SQL would match other rows today.
  if (await store.stat(executionKeys.spec(folder))) return await readExecution(store, folder);
  const { execution, files } = await planner.plan();
  const isElsewhere = source.uri !== store.uri;
  return await freezePlan(store, {
    execution: isElsewhere ? { ...execution, sourceLake: source.uri } : execution,
    files,
  });
}
