import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import { messageOf, PixlakeError } from '../errors.ts';
import { textOf } from '../result/plain-value.ts';
import type { Lakehouse } from '../lakehouse.ts';
import { QUERY_FORMATS, type QueryFormat } from '../result/query-formats.ts';
import { makeTemporaryFolder } from '../storage/temporary-folder.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { duration, wholeNumber } from './option-values.ts';

/** Options of a query and its output. */
export interface QueryCommandOptions extends LakeOptions {
  readonly format?: QueryFormat | 'parquet';
  readonly output?: string;
  readonly limit?: number;
  readonly explain?: boolean;
  readonly at?: string;
  readonly withUrls?: boolean;
  readonly urlExpires?: number;
}

const HOUR_MS = 60 * 60_000;

/** Formats by the ending of the output file. */
const FORMAT_BY_ENDING: Readonly<Record<string, QueryFormat | 'parquet'>> = {
  json: 'json',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  csv: 'csv',
  arrow: 'arrow',
  arrows: 'arrow',
  parquet: 'parquet',
};

/** `pixlake query`: runs one SELECT and streams its rows. */
export function addQueryCommand(program: Command): void {
  const command = program
    .command('query <sql>')
    .summary('run one SELECT on the tables of the lake')
    .description(
      'Runs one SELECT (DuckDB SQL) on the newest snapshots. Use tables by name, outputs of runs as\nruns."<name>", older versions as images@v3 or images AT (VERSION => 3). Rows stream, so any number is possible.',
    );
  withQueryOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake query "SELECT gender, count(*) FROM images GROUP BY ALL"
  $ pixlake query "SELECT * FROM images WHERE gender = 'Men' AND subCategory = 'Shoes' AND year > 2012" --output shoes.parquet
  $ pixlake query "SELECT count(*) FROM images" --at 2026-01-31T12:00:00Z
  $ pixlake query "SELECT id FROM images EXCEPT SELECT id FROM images@v0"
  $ pixlake query "SELECT id, image_key FROM images LIMIT 10" --with-urls --lake s3://bucket/lake --json
  $ pixlake query 'SELECT id, crop_left, crop_top FROM runs."men-shoes"' --format csv`,
    )
    .action(printQuery);
}

/** Adds the options of {@link printQuery}. */
export function withQueryOptions(command: Command): Command {
  return withLakeOptions(
    command
      .addOption(
        new Option(
          '--format <format>',
          'output format (default: by the ending of --output, else table)',
        ).choices([...QUERY_FORMATS, 'parquet']),
      )
      .option('--output <file>', 'write to a file instead of standard output')
      .option('--limit <n>', 'maximum number of rows', wholeNumber(0))
      .option('--at <version|time>', 'read tables at a version or ISO 8601 time (UTC if it has no zone)')
      .option('--with-urls', 'add the column image_url: a link for each image_key (lakes on S3 only)')
      .option('--url-expires <duration>', 'how long the links are valid, at most 7d (default: 1h)', duration)
      .option('--explain', "print the data files that are read and DuckDB's plan, instead of rows"),
  );
}

/** Runs one SELECT and prints its rows, or writes them to a file. */
export async function printQuery(sql: string, options: QueryCommandOptions): Promise<void> {
  const format = chooseFormat(options);
  if (options.output !== undefined) await checkOutput(options.output);
  const lakehouse = await openLake(options);
  if (options.explain) await explain(lakehouse, sql, options);
  else if (format === 'parquet' && options.withUrls)
    throw new PixlakeError('ARGUMENT_INVALID', 'Parquet files cannot have links, because links expire');
  else if (format === 'parquet') await writeParquet(lakehouse, sql, options);
  else await writeStream(lakehouse, sql, format, options);
}

/** @throws `ARGUMENT_INVALID` if neither an option nor the ending of the file names the format */
function chooseFormat({ format, output, json }: QueryCommandOptions): QueryFormat | 'parquet' {
  if (format !== undefined) return format;
  const ending = output === undefined ? '' : extname(output).slice(1).toLowerCase();
  const known = FORMAT_BY_ENDING[ending] ?? (json ? 'json' : undefined);
  if (known !== undefined || output === undefined) return known ?? 'table';
  const endings = Object.keys(FORMAT_BY_ENDING).map((name) => `.${name}`);
  throw new PixlakeError(
    'ARGUMENT_INVALID',
    `the ending of ${output} does not name a format; known endings: ${endings.join(', ')}`,
    { remedy: 'use one of these endings, or name the format with --format' },
  );
}

/** Checks before the query runs that its output can be written. @throws `OUTPUT_FAILED` */
async function checkOutput(output: string): Promise<void> {
  const refuse = (why: string, remedy: string): PixlakeError =>
    new PixlakeError('OUTPUT_FAILED', `cannot write ${output}: ${why}`, { remedy });
  const isFolder = async (path: string): Promise<boolean> =>
    stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
  const folder = dirname(output);
  if (!(await isFolder(folder)))
    throw refuse(`the folder ${folder} does not exist`, 'create the folder, or use another one');
  if (await isFolder(output)) throw refuse('it is a folder', 'name a file in it');
}

async function explain(lakehouse: Lakehouse, sql: string, options: QueryCommandOptions): Promise<void> {
  await using query = await lakehouse.query(sql, { isExplained: true, ...queryOptions(options) });
  for (const { reference, snapshot, readFiles } of query.tables) {
    const name = [reference.schema, reference.name].filter((part) => part !== '').join('.');
    const considered = snapshot.files.length;
    const pruned = considered - readFiles.length;
    process.stdout.write(
      `${name} at version ${snapshot.version}: ${considered} data files considered, ${pruned} pruned, ${readFiles.length} read\n`,
    );
  }
  for await (const row of query.rows())
    process.stdout.write(`${textOf(Object.values(row).at(-1) ?? null)}\n`);
}

async function writeStream(
  lakehouse: Lakehouse,
  sql: string,
  format: QueryFormat,
  options: QueryCommandOptions,
): Promise<void> {
  const urls = options.withUrls ? { urlExpiresMs: options.urlExpires ?? HOUR_MS } : {};
  await using query = await lakehouse.query(sql, { ...queryOptions(options), ...urls });
  const encoded = query.encode(format, {
    // Of what goes to a file or another program nothing is cut.
    maxWidth: (options.output === undefined ? process.stdout.columns : undefined) ?? Number.POSITIVE_INFINITY,
    ...(options.limit === undefined ? {} : { maxRows: options.limit }),
  });
  await writeOut(Readable.from(encoded), options.output);
}

async function writeParquet(lakehouse: Lakehouse, sql: string, options: QueryCommandOptions): Promise<void> {
  if (options.output !== undefined) {
    await lakehouse.queryToParquet(sql, options.output, queryOptions(options));
    return;
  }
  // A Parquet file ends with its index, so it must be complete before it can be piped.
  const folder = await makeTemporaryFolder();
  try {
    const path = join(folder, 'result.parquet');
    await lakehouse.queryToParquet(sql, path, queryOptions(options));
    await writeOut(createReadStream(path), undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file appears under its name only when it is complete. */
async function writeOut(stream: Readable, output: string | undefined): Promise<void> {
  if (output === undefined) {
    for await (const chunk of stream) {
      if (!process.stdout.write(chunk as string | Uint8Array))
        await new Promise((done) => process.stdout.once('drain', done));
    }
    return;
  }
  const partial = `${output}.partial`;
  try {
    await pipeline(stream, createWriteStream(partial));
    await rename(partial, output);
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('OUTPUT_FAILED', `cannot write ${output}: ${messageOf(error)}`, { cause: error });
  }
}

function queryOptions({ limit, at }: QueryCommandOptions): { limit?: number; at?: string } {
  return { ...(limit === undefined ? {} : { limit }), ...(at === undefined ? {} : { at }) };
}
