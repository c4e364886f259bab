import type { IngestReport } from '../ingest/ingest-spec.ts';
import { shortPath } from './print.ts';
import { formatBytes, formatCount, formatSeconds } from './progress-bar.ts';

/** An ingest's report as lines of text. */
export function describeIngest(report: IngestReport, lakeUri: string): string[] {
  const n = formatCount;
  const { lists } = report;
  const place = (key = ''): string => shortPath(lakeUri, key);
  const lines = [
    `${report.rowCount} rows = ${report.ingestedCount} ingested + ${report.withoutImageCount} without image + ${report.rejectedCount} rejected`,
    report.isCommitted
      ? `table ${report.table} is at version ${report.version}: ${n(report.addedCount)} added, ${n(report.changedCount)} changed, ${n(report.unchangedCount)} unchanged`
      : `nothing new: table ${report.table} stays at version ${report.version}`,
  ];
  if (report.newColumns.length > 0) {
    lines.push(`new columns, null in older rows: ${report.newColumns.join(', ')}`);
  }
  if (report.repairedCount > 0) {
    lines.push(
      `${n(report.repairedCount)} rows repaired: their extra commas were joined into the last column`,
    );
  }
  const broken = Object.entries(report.imageStatusCounts).filter(([status]) => status !== 'ok');
  if (broken.length > 0) {
    const list = broken.map(([status, count]) => `${count} ${status}`).join(', ');
    lines.push(
      `images that cannot be read: ${list} (rows with image_status and image_reason; see ${place(lists.brokenImages)})`,
    );
  }
  if (lists.withoutImage) lines.push(`rows without image: ${place(lists.withoutImage)}`);
  if (lists.rejects) lines.push(`rejected rows: ${place(lists.rejects)}`);
  if (lists.imagesWithoutRow) {
    lines.push(`${n(report.imagesWithoutRowCount)} files without a row: ${place(lists.imagesWithoutRow)}`);
  }
  const seconds = report.durationMs / 1000;
  lines.push(`${formatBytes(report.storedBytes)} of originals stored in ${formatSeconds(seconds)}`);
  return lines;
}
