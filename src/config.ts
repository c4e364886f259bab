import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// To import a CommonJS package, Node first looks for names in its files; each worker thread would start later by that.
const { pino } = require('pino') as typeof import('pino');

const { version } = require('../package.json') as { version: string };

/** Version of this package. */
export const VERSION = version;

/** How this software names itself in commits and manifests. */
export const SOFTWARE = `pixlake/${VERSION}`;

/** Structured log on standard error, so that standard output holds results alone; `PIXLAKE_LOG_LEVEL` sets how much is told. */
export const log = pino(
  { name: 'pixlake', level: process.env['PIXLAKE_LOG_LEVEL'] ?? 'warn' },
  pino.destination({ dest: 2, sync: true }),
);
