import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../config.ts';
import { deltaTypeOf, duckDbTypeOf } from '../engine/column-type.ts';
import { parseTableName } from '../engine/find-table.ts';
import { createViews, findQueriedTable, type QueriedTable, sqlNameOf } from '../engine/lake-tables.ts';
import { type DuckDb, openDuckDb, sqlError } from '../engine/open-duckdb.ts';
import { parseSelect } from '../engine/parse-select.ts';
import { type ResultColumn, rowBatches } from '../engine/result-stream.ts';
import { quoteName, quoteText } from '../engine/sql-text.ts';
import { selectSnapshot } from '../engine/table-view.ts';
import { PixlakeError } from '../errors.ts';
import { PIXELS_VERSION } from '../image/render-image.ts';
import type { ModelFiles } from '../model/model-files.ts';
import { checkModelRuns } from '../model/open-session.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { deltaField } from '../table/delta-schema.ts';
import { type Execution, type ExecutionModel, executionKeys, folderOf } from './execution.ts';
import { manifestFields } from './manifest-columns.ts';
import { type Run, toRunId } from './run-spec.ts';

/** A plan that is ready to be frozen, or thrown away if it was only asked for. Disposing removes its temporary files. */
export interface PlannedRun extends AsyncDisposable {
  readonly execution: Execution;
  /** Writes plan and execution into a lake; from then on the execution never changes. */
  freeze(output: ObjectStore, frozen: Execution): Promise<void>;
}

/** Runs the SQL of a run where strangers' SQL is run: writes its rows to a Parquet file and tells which tables it read. */
export type SelectRows = (sql: string, path: string) => Promise<readonly QueriedTable[]>;

/** Matched rows as DuckDB holds them while planning. */
const MATCHED = 'matched_rows';

/**
 * Runs a run's SQL on the newest snapshots and fixes what it means: rows, their originals and order, shards, manifest schema.
 *
 * @throws `SQL_…`, `TABLE_NOT_FOUND`, `PLAN_…`, `MODEL_…`, `DEVICE_UNAVAILABLE`
 */
export async function planRun(
  store: ObjectStore,
  run: Run,
  model: ModelFiles | undefined,
  software: string,
  selectRows?: SelectRows,
): Promise<PlannedRun> {
  // A card that does not fit its model, or a model that does not run here, should fail before there is a run.
  if (model !== undefined) await checkModelRuns(model, run.device);
  const scratchDir = await store.makeScratchDir();
  const removeScratch = (): Promise<void> => rm(scratchDir, { recursive: true, force: true });
  try {
    using db = await openDuckDb({ scratchDir });
    const { sql, tables } = await openSelection(db, store, run, scratchDir, selectRows);
    const source = await chooseSource(store, run, tables);
    const columns = await describe(db, sql);
    checkIdColumn(run, columns);
    await matchRows(db, run, sql);
    const rowCount = await checkIds(db, run);
    const shardSize = run.shardSize ?? chooseShardSize(rowCount, run.copies, await meanBytes(db, source));
    const passed = passedColumns(columns, model);
    const execution: Execution = {
      runId: toRunId(run, {
        versions: Object.fromEntries(
          [...tables, source].map(({ isAttached, store: { uri }, snapshot: { folder, version } }) => [
            isAttached ? `${uri}/${folder}` : folder,
            String(version),
          ]),
        ),
        modelSha256: model?.sha256,
        pixelsVersion: PIXELS_VERSION,
      }),
      run,
      sourceTable: sqlNameOf(source.reference),
      sourceVersion: source.snapshot.version,
      model: model && describeModel(model),
      software,
      rowCount,
      shardSize,
      shardCount: Math.ceil(rowCount / shardSize),
      passedColumns: passed.map((column) => column.name),
      manifestSchema: {
        type: 'struct',
        fields: [
          ...passed.map((column) => deltaField(column.name, deltaTypeOf(column.type))),
          ...manifestFields(model?.card),
        ],
      },
    };
    const planPath = join(scratchDir, 'plan.parquet');
    await writePlan(db, run, shardSize, source, columns, passed, planPath);
    return {
      execution,
      async freeze(output, frozen): Promise<void> {
        const folder = folderOf(frozen);
        await output.moveIn(executionKeys.plan(folder), planPath);
        // Written last: a folder with a spec has its whole plan.
        const spec = Buffer.from(`${JSON.stringify(frozen, null, 2)}\n`);
        if (!(await output.writeIfAbsent(executionKeys.spec(folder), spec)))
          log.debug({ folder }, 'another process froze this plan first');
      },
      [Symbol.asyncDispose]: removeScratch,
    };
  } catch (error) {
    await removeScratch();
    throw error;
  }
}

/** Gives an SQL text that this DuckDB can run for the rows of the run's own. */
async function openSelection(
  db: DuckDb,
  store: ObjectStore,
  run: Run,
  scratchDir: string,
  selectRows: SelectRows | undefined,
): Promise<{ readonly sql: string; readonly tables: readonly QueriedTable[] }> {
  if (selectRows !== undefined) {
    const path = join(scratchDir, 'selected.parquet');
    const tables = await selectRows(run.sql, path);
    return { sql: `FROM read_parquet(${quoteText(path)}, hive_partitioning = false)`, tables };
  }
  const parsed = await parseSelect(db, run.sql);
  return { sql: parsed.sql, tables: await createViews(db, store, parsed) };
}

function describeModel({ card, sha256 }: ModelFiles): ExecutionModel {
  const embeddings = card.outputs.flatMap(({ kind, column }) =>
    kind === 'embedding' ? [`pred_${column}`] : [],
  );
  return { name: card.name, sha256, isTrained: card.trained, embeddings };
}

/** Shards of a run at least, where that leaves each enough to do. */
const SHARDS = 32;

/** Work in a shard that its own cost, some 25 ms, is well worth: so many images, or fewer of so many bytes together. */
const MIN_SHARD = { images: 128, bytes: 8 * 1024 ** 2 } as const;

/**
 * Rows for each shard where nobody asks for a number: enough that a shard's own files weigh little, few enough that a small run keeps all cores
 * busy, also on large originals (`originalBytes` on average), and loses little to a crash.
 */
export function chooseShardSize(rowCount: number, copies: number, originalBytes: number): number {
  const images = Math.min(MIN_SHARD.images, MIN_SHARD.bytes / originalBytes);
  const fewest = Math.max(1, Math.floor(images / copies));
  return Math.min(1000, Math.max(fewest, Math.ceil(rowCount / SHARDS)));
}

/** Mean size of the first originals in the first data file that the SQL reads too; 1 where that does not tell. */
async function meanBytes(db: DuckDb, { store, snapshot, readFiles }: QueriedTable): Promise<number> {
  const hasSizes = snapshot.schema.fields.some(({ name }) => name === 'image_bytes');
  if (!hasSizes || readFiles.length === 0) return 1;
  const select = await selectSnapshot(db, store, { ...snapshot, files: readFiles.slice(0, 1) });
  const [row] = await db.rows<{ mean: number | null }>(
    `SELECT avg(image_bytes) AS mean FROM (SELECT image_bytes FROM (${select}) LIMIT 1000)`,
  );
  return Math.max(1, row?.mean ?? 1);
}

async function chooseSource(
  store: ObjectStore,
  run: Run,
  tables: readonly QueriedTable[],
): Promise<QueriedTable> {
  if (run.table !== undefined) return findQueriedTable(store, parseTableName(run.table));
  const [only, ...others] = tables;
  if (only !== undefined && others.length === 0) return only;
  const message = `the SQL reads ${tables.length} tables, so it is not clear which one holds the originals`;
  throw new PixlakeError('PLAN_SOURCE_MISSING', message, { remedy: 'name the table with --table' });
}

async function describe(db: DuckDb, sql: string): Promise<readonly ResultColumn[]> {
  try {
    return rowBatches(await db.connection.stream(`FROM (${sql}\n) LIMIT 0`)).columns;
  } catch (error) {
    throw sqlError(error);
  }
}

function checkIdColumn(run: Run, columns: readonly ResultColumn[]): void {
  if (columns.some(({ name }) => name === run.idColumn)) return;
  const names = columns.map(({ name }) => name).join(', ');
  throw new PixlakeError('PLAN_ID_MISSING', `the SQL returns no column ${run.idColumn}, only: ${names}`, {
    remedy: 'select the id column too, or name another with --id-column',
  });
}

/** A limit takes the SQL's first rows in its own order; a sample takes those with the smallest hash of seed and id. */
async function matchRows(db: DuckDb, run: Run, sql: string): Promise<void> {
  const limit = run.limit === undefined ? '' : `LIMIT ${run.limit}`;
  const sample =
    run.sample === undefined
      ? ''
      : `QUALIFY row_number() OVER (ORDER BY md5('${run.seed}:' || ${quoteName(run.idColumn)}::VARCHAR), __position) <= ${run.sample}`;
  await db.run(`
    CREATE TABLE ${MATCHED} AS
      WITH numbered AS (SELECT row_number() OVER () AS __position, * FROM (FROM (${sql}\n) ${limit}))
      SELECT row_number() OVER (ORDER BY __position) - 1 AS __ordinal, * EXCLUDE (__position)
      FROM (FROM numbered ${sample})`);
}

async function checkIds(db: DuckDb, run: Run): Promise<number> {
  const id = quoteName(run.idColumn);
  const [counted] = await db.rows<{ count: bigint }>(`SELECT count(*) AS count FROM ${MATCHED}`);
  const rowCount = Number(counted?.count ?? 0);
  if (rowCount === 0) {
    throw new PixlakeError('PLAN_EMPTY', 'the SQL matched no rows', {
      remedy: 'try it with `pixlake query`',
    });
  }
  const wrong = await db.rows<{ id: string | null; count: bigint }>(`
    SELECT ${id}::VARCHAR AS id, count(*) AS count FROM ${MATCHED} GROUP BY 1 HAVING id IS NULL OR count > 1 ORDER BY 1 LIMIT 5`);
  if (wrong.length === 0) return rowCount;
  const examples = wrong.map((row) => `${row.id ?? 'null'} (${row.count} times)`).join(', ');
  throw new PixlakeError(
    'PLAN_ID_DUPLICATE',
    `the SQL returns ids that do not name one image each: ${examples}`,
    {
      remedy: 'select distinct ids that are not null; for several images of each original use --copies',
    },
  );
}

/** The SQL's columns that pass into the manifest: those it computes itself win over columns of that name, such as those of an earlier run. */
function passedColumns(columns: readonly ResultColumn[], model: ModelFiles | undefined): ResultColumn[] {
  const taken = new Set(manifestFields(model?.card).map((field) => field.name.toLowerCase()));
  return columns.filter(({ name }) => !taken.has(name.toLowerCase()));
}

async function writePlan(
  db: DuckDb,
  run: Run,
  shardSize: number,
  source: QueriedTable,
  columns: readonly ResultColumn[],
  passed: readonly ResultColumn[],
  path: string,
): Promise<void> {
  const id = quoteName(run.idColumn);
  const names = new Set(columns.map(({ name }) => name));
  const isSelfContained = names.has('image_key') && names.has('image_sha256');
  const originals = isSelfContained
    ? MATCHED
    : `${MATCHED} LEFT JOIN (SELECT ${id} AS __source_id, image_key AS __key, image_sha256 AS __sha256
                               FROM (${await selectSnapshot(db, source.store, source.snapshot)}))
         ON __source_id::VARCHAR = ${id}::VARCHAR`;
  const selected = [
    `(__ordinal // ${shardSize})::INTEGER AS __shard`,
    '__ordinal',
    `${id}::VARCHAR AS __id`,
    `${isSelfContained ? 'image_key' : '__key'} AS __image_key`,
    `${isSelfContained ? 'image_sha256' : '__sha256'} AS __image_sha256`,
    ...passed.map(
      ({ name, type }) => `${quoteName(name)}::${duckDbTypeOf(deltaTypeOf(type))} AS ${quoteName(name)}`,
    ),
  ];
  await db.run(`
    COPY (SELECT ${selected.join(', ')} FROM ${originals} ORDER BY __ordinal)
    TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)`);
}
