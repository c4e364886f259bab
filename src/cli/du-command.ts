import type { Command } from 'commander';
import type { DiskUsage, Usage } from '../maintenance/disk-usage.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { formatBytes, formatCount } from './progress-bar.ts';
import { print, printJson } from './print.ts';

/** `pixlake du`: shows how much space each part of a lake takes. */
export function addDuCommand(program: Command): void {
  withLakeOptions(
    program
      .command('du')
      .summary('show how much space each part of the lake takes')
      .description(
        'Shows how much space tables, executions of runs, models, reports of ingests and the rest take, the largest first.\nIt lists all files of the lake.',
      ),
  )
    .addHelpText(
      'after',
      `
"earlier" are files that only earlier versions of a table need, "orphans" are files that no version has; \`pixlake vacuum\`
removes both. Executions in the state "removed" are leftovers of deleted ones.

Examples:
  $ pixlake du
  $ pixlake du --json`,
    )
    .action(async (options: LakeOptions) => {
      const usage = await (await openLake(options)).diskUsage();
      if (options.json) printJson(usage);
      else print(...describeUsage(usage));
    });
}

function describeUsage(usage: DiskUsage): string[] {
  const { tables, runs, models, ingests } = usage;
  const rest = { submissions: usage.submissions, temporary: usage.temporary, other: usage.other };
  return [
    ...tables.map(({ name, data, earlier, orphans, log, originals, ...sum }) =>
      line(sum, `table ${name}`, { data, earlier, orphans, log, originals }),
    ),
    ...runs.map(({ folder, state, images, plan, parts, manifest, retries, takenCount, ...sum }) => {
      const taken = takenCount === 0 ? '' : `; ${formatCount(takenCount)} images in earlier executions`;
      const title = `${folder.replace('runs/', 'run ')}, ${state}`;
      return `${line(sum, title, { images, plan, parts, manifest, retries })}${taken}`;
    }),
    ...models.map((model) => line(model, `model ${model.name}`)),
    ...ingests.map((ingest) => line(ingest, `ingests into ${ingest.name}`)),
    ...Object.entries(rest).flatMap(([title, sum]) => (sum.fileCount === 0 ? [] : [line(sum, title)])),
    line(usage, `total, ${formatCount(usage.fileCount)} files`),
  ];
}

const SIZE_WIDTH = 9;

function line({ sizeBytes }: Usage, title: string, parts: Readonly<Record<string, Usage>> = {}): string {
  const named = Object.entries(parts)
    .filter(([, part]) => part.fileCount > 0)
    .sort(([, a], [, b]) => b.sizeBytes - a.sizeBytes)
    .map(([name, part]) => `${name} ${formatBytes(part.sizeBytes)}`);
  const details = named.length === 0 ? '' : `: ${named.join(', ')}`;
  return `${formatBytes(sizeBytes).padStart(SIZE_WIDTH)}  ${title}${details}`;
}
