import { createRequire } from 'node:module';
import type { LogFn, Logger } from 'pino';

const require = createRequire(import.meta.url);

let opened: Logger | undefined;

/** Opens the structured log on standard error, because standard output holds results only; `PIXLAKE_LOG_LEVEL` sets how much is logged. */
export function openLog(): Logger {
  if (opened !== undefined) return opened;
  // Importing a CommonJS package makes Node look for names in its files first, which takes as long as loading it.
  const { pino } = require('pino') as typeof import('pino');
  opened = pino(
    { name: 'pixlake', level: process.env['PIXLAKE_LOG_LEVEL'] ?? 'warn' },
    pino.destination({ dest: 2, sync: true }),
  );
  return opened;
}

/** Levels that log more than warnings. */
const CHATTY = /^(?:info|debug|trace)$/u;

/** Logs messages. The log is opened for the first of them, because most commands and threads have none. */
export const log: { readonly info: LogFn; readonly warn: LogFn; readonly error: LogFn } = {
  info: (...message: Parameters<LogFn>) => {
    if (opened !== undefined || CHATTY.test(process.env['PIXLAKE_LOG_LEVEL'] ?? ''))
      openLog().info(...message);
  },
  warn: (...message: Parameters<LogFn>) => openLog().warn(...message),
  error: (...message: Parameters<LogFn>) => openLog().error(...message),
};
