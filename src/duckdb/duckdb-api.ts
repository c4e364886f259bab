import { createRequire } from 'node:module';

/**
 * DuckDB's client, loaded as the CommonJS package that it is: to import it, Node first looks for names in each of its hundred files, by which
 * every worker thread would start a tenth of a second later. Types are imported from the package.
 */
export const duckdb = createRequire(import.meta.url)('@duckdb/node-api') as typeof import('@duckdb/node-api');
