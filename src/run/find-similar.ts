import { quoteName, quoteText } from '../sql/sql-text.ts';
import { queryLake, type RunningQuery } from '../catalog/query-lake.ts';
import { PixlakeError } from '../errors.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { folderOf, readRunState } from './execution.ts';
import { listExecutions } from './read-executions.ts';
import type { Execution } from './execution-schema.ts';

/** A search for the images most similar to one. */
export interface SimilarSpec {
  /** A run with embeddings, or a table on which a run with embeddings was made; the first such run by name is searched. */
  readonly name: string;
  /** Id of the image, or in a run with copies of one copy, such as `15970-0`; by default the first copy. */
  readonly id: string;
  /** Number of images; 10 by default. */
  readonly count?: number;
}

const DEFAULT_COUNT = 10;

/**
 * Finds the images whose embeddings have the smallest cosine distance to that of one image, itself left out, nearest first: `image_id`,
 * `distance` (0 to 2), the other columns of the run's SQL, `image_key` and `source_key`.
 *
 * @throws `TABLE_NOT_FOUND` without embeddings, `IMAGE_MISSING`, `ARGUMENT_INVALID`
 */
export async function findSimilar(
  store: ObjectStore,
  { name, id, count = DEFAULT_COUNT }: SimilarSpec,
): Promise<RunningQuery> {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new PixlakeError('ARGUMENT_INVALID', `${count} is not a valid number of images`);
  const { run, passedColumns, column } = await findEmbeddings(store, name);
  const table = `runs.${quoteName(run.name)}`;
  const embedding = quoteName(column);
  const wanted = `image_id IN (${quoteText(id)}, ${quoteText(`${id}-0`)})`;
  const size = await readSize(
    store,
    `SELECT len(${embedding}) AS size FROM ${table} WHERE ${wanted} LIMIT 1`,
  );
  if (size === undefined)
    throw new PixlakeError('IMAGE_MISSING', `run ${run.name} has no image with id ${id}`);
  const passed = passedColumns.filter((passedColumn) => passedColumn.toLowerCase() !== 'distance');
  const columns = [
    'm.image_id',
    '__distance AS distance',
    ...passed.map((passedColumn) => `m.${quoteName(passedColumn)}`),
    'm.image_key',
    'm.source_key',
  ];
  // The function needs arrays of a fixed size on both sides.
  return queryLake(
    store,
    `WITH one AS (SELECT image_id, ${embedding}::FLOAT[${size}] AS embedding FROM ${table} WHERE ${wanted} LIMIT 1),
      m AS (SELECT all_of.*, array_cosine_distance(${embedding}::FLOAT[${size}], one.embedding) AS __distance
        FROM ${table} all_of, one WHERE all_of.image_id <> one.image_id)
    SELECT ${columns.join(', ')} FROM m ORDER BY __distance, image_id LIMIT ${count}`,
  );
}

async function findEmbeddings(
  store: ObjectStore,
  name: string,
): Promise<Execution & { readonly column: string }> {
  const wanted = name.replaceAll('"', '').replace(/^runs\./u, '');
  for (const runName of await store.listFolders('runs')) {
    for (const execution of (await listExecutions(store, runName)).executions) {
      const isMeant = runName === wanted || execution.sourceTable.replaceAll('"', '') === wanted;
      const [column] = execution.model?.embeddings ?? [];
      if (!isMeant || column === undefined) continue;
      if ((await readRunState(store, folderOf(execution))) === 'finished') return { ...execution, column };
      // SQL reads the newest finished execution of a run.
    }
  }
  throw new PixlakeError(
    'TABLE_NOT_FOUND',
    `${name} is neither a run with embeddings nor a table of such a run`,
    {
      remedy: `make them first: pixlake run --name ${wanted}-labelled --sql "SELECT * FROM ${wanted}" --model fashion-tiny`,
    },
  );
}

async function readSize(store: ObjectStore, sql: string): Promise<number | undefined> {
  await using query = await queryLake(store, sql);
  for await (const batch of query.batches) {
    const [row] = batch.getRows();
    if (row !== undefined) return Number(row[0]);
  }
  return undefined;
}
