import { createRequire } from 'node:module';

/**
 * DuckDB's client, loaded with `require`: importing it makes Node look for names in each of its hundred files, which delays
 * every worker thread by a tenth of a second. Types are imported from the package.
 */
export const duckdb = createRequire(import.meta.url)('@duckdb/node-api') as typeof import('@duckdb/node-api');
