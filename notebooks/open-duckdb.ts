import process from 'node:process';
import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api';

/** A row of a result, by column. */
export type Row = Record<string, Json>;

/** Opens a DuckDB that can read the files of a lake. For a lake on S3 it takes the settings of `AWS_…` variables, as pixlake does. */
export async function openDuckDb(lakeUri: string): Promise<DuckDBConnection> {
  const duckdb = await (await DuckDBInstance.create()).connect();
  if (lakeUri.startsWith('s3://')) await readFromS3(duckdb);
  return duckdb;
}

async function readFromS3(duckdb: DuckDBConnection): Promise<void> {
  const { AWS_ENDPOINT_URL, AWS_REGION, PIXLAKE_HTTPFS } = process.env;
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  const { protocol, host } = new URL(AWS_ENDPOINT_URL ?? 'https://s3.amazonaws.com');
  const quote = (value: string | undefined): string => `'${(value ?? '').replaceAll("'", "''")}'`;
  await duckdb.run(
    PIXLAKE_HTTPFS === undefined ? 'INSTALL httpfs; LOAD httpfs' : `LOAD ${quote(PIXLAKE_HTTPFS)}`,
  );
  await duckdb.run(`
    CREATE SECRET (TYPE s3, KEY_ID ${quote(AWS_ACCESS_KEY_ID)}, SECRET ${quote(AWS_SECRET_ACCESS_KEY)},
      REGION ${quote(AWS_REGION ?? 'us-east-1')}, ENDPOINT ${quote(host)}, USE_SSL ${protocol === 'https:'},
      URL_STYLE '${AWS_ENDPOINT_URL === undefined ? 'vhost' : 'path'}')`);
}
