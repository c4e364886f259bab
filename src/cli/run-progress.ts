import type { RunHooks } from '../run/run-library.ts';
import { interruptible } from './interruptible.ts';
import { startProgressBar } from './progress-bar.ts';

/** Runs with a progress bar. Ctrl-C leaves a run that can be resumed. */
export async function withProgress<Report>(work: (hooks: RunHooks) => Promise<Report>): Promise<Report> {
  return interruptible(async (signal) => {
    using bar = startProgressBar('run', 'images');
    let total: number | undefined;
    // Images of the shards that were done before.
    let earlierCount = 0;
    return work({
      signal,
      onStart: ({ rowCount, run, retry, shardSize, shardCount }, resumedShardCount) => {
        const perRow = retry === undefined ? run.copies : 1;
        total = rowCount * perRow;
        earlierCount = Math.min(rowCount, resumedShardCount * shardSize) * perRow;
        if (resumedShardCount > 0) {
          process.stderr.write(
            `resuming run ${run.name}: ${resumedShardCount} of ${shardCount} shards are done\n`,
          );
        }
      },
      onProgress: ({ imageCount, errorCount }) =>
        bar.update(
          earlierCount + imageCount + errorCount,
          total,
          errorCount === 0 ? '' : `${errorCount} failed`,
        ),
    });
  });
}
