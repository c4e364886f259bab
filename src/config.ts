import { createRequire } from 'node:module';
import { pino } from 'pino';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Version of this package. */
export const VERSION = version;

/** How this software names itself in commits and manifests. */
export const SOFTWARE = `pixlake/${VERSION}`;

/** Where the lake is when nobody says so. */
export const DEFAULT_LAKE = 'lake';

/** Structured log on standard error, so that standard output holds results alone; `PIXLAKE_LOG_LEVEL` sets how much is told. */
export const log = pino(
  { name: 'pixlake', level: process.env['PIXLAKE_LOG_LEVEL'] ?? 'warn' },
  pino.destination({ dest: 2, sync: true }),
);
