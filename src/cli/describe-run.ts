import type { RunReport } from '../run/run-images.ts';
import { shortPath } from './print.ts';
import { formatBytes, formatCount, formatSeconds } from './progress-bar.ts';

/** A run's report as lines of text. */
export function describeRun(report: RunReport, lakeUri: string): string[] {
  const { name, rowCount, copies, imageCount, errorCount, model } = report;
  const seconds = report.durationMs / 1000;
  const lines = [
    `${rowCount} rows x ${copies} ${copies === 1 ? 'copy' : 'copies'} = ${imageCount} images written + ${errorCount} failed`,
  ];
  if (report.takenCount > 0)
    lines.push(
      `${formatCount(report.takenCount)} of them were taken over from an earlier execution; use --full to make all again`,
    );
  if (report.outcome === 'repeated')
    lines.push(`run ${name} has already finished on the same versions; nothing to do`);
  else if (report.resumedShardCount > 0) {
    lines.push(`${report.resumedShardCount} of ${report.shardCount} shards were done by an earlier attempt`);
  }
  if (model !== undefined && !model.isTrained) {
    lines.push(
      `model ${model.name} is untrained: its weights are random and its labels have no meaning (model_trained = false)`,
    );
  }
  if (errorCount > 0) lines.push(`to see why images failed: pixlake runs errors ${name}`);
  if (report.volatileBecause.length > 0)
    lines.push(`the SQL may match other rows the next time: ${report.volatileBecause.join('; ')}`);
  if (report.outcome === 'finished') {
    lines.push(`${formatBytes(report.imageBytes)} of images in ${formatSeconds(seconds)}`);
  }
  lines.push(`output: ${shortPath(lakeUri, report.folder)} (in SQL: runs."${name}")`);
  return lines;
}
