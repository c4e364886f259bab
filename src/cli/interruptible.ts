import { ERASE_LINE } from '../config.ts';
import { PixlakeError } from '../errors.ts';

/**
 * Runs work that Ctrl-C (or SIGTERM) stops cleanly. The first signal aborts, a second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write(
      `${process.stderr.isTTY ? ERASE_LINE : '\n'}pixlake: stopping; press Ctrl-C again to stop at once\n`,
    );
    controller.abort(new PixlakeError('INTERRUPTED', 'stopped before the end; the same command continues'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
