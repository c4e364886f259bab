import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// Importing a CommonJS package makes Node look for names in its files first, which delays the start of each worker thread.
const { pino } = require('pino') as typeof import('pino');

/** Structured log on standard error, because standard output holds results only; `PIXLAKE_LOG_LEVEL` sets how much is logged. */
export const log = pino(
  { name: 'pixlake', level: process.env['PIXLAKE_LOG_LEVEL'] ?? 'warn' },
  pino.destination({ dest: 2, sync: true }),
);
