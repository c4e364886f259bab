import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import type { LogFn, Logger } from 'pino';

/** Erases the line of a terminal, such as that of a progress bar, so a message takes its place. */
export const ERASE_LINE = '\r\u001b[2K';

const require = createRequire(import.meta.url);

let opened: Logger | undefined;

/** Opens the structured log on standard error, because standard output holds results only; `PIXLAKE_LOG_LEVEL` sets how much is logged. */
export function openLog(): Logger {
  if (opened !== undefined) return opened;
  // Importing a CommonJS package makes Node look for names in its files first, which takes as long as loading it.
  const { pino } = require('pino') as typeof import('pino');
  const stream = pino.destination({ dest: 2, sync: true });
  opened = pino(
    { name: 'pixlake', level: process.env['PIXLAKE_LOG_LEVEL'] ?? 'warn' },
    isatty(2) ? { write: (message) => stream.write(`${ERASE_LINE}${message}`) } : stream,
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
