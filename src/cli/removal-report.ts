import type { KeptFiles, RemovedFiles } from '../maintenance/remove-files.ts';
import { print } from './print.ts';
import { formatBytes, formatCount } from './progress-bar.ts';

/** Common fields of the reports of removals. */
interface RemovalReport {
  readonly isDryRun: boolean;
  readonly removed: readonly RemovedFiles[];
  readonly kept: readonly KeptFiles[];
  readonly notRetriable: readonly string[];
}

/** Prints what was removed, what was kept and why, and which runs can no longer be retried. */
export function printRemoval({ isDryRun, removed, kept, notRetriable }: RemovalReport): void {
  const counts = ({ fileCount, sizeBytes }: RemovedFiles): string =>
    `${formatCount(fileCount)} files (${formatBytes(sizeBytes)})`;
  const taken = removed.filter(({ fileCount }) => fileCount > 0);
  for (const files of taken)
    print(`${isDryRun ? 'would remove' : 'removed'} ${files.folder}: ${counts(files)}`);
  if (taken.length === 0) print(isDryRun ? 'nothing would be removed' : 'nothing was removed');
  for (const files of kept)
    print(`${isDryRun ? 'would keep' : 'kept'} ${counts(files)} of ${files.folder}: ${files.reason}`);
  if (notRetriable.length > 0)
    print(
      `failed images of these runs can${isDryRun ? ' then' : ''} no longer be retried: ${notRetriable.join(', ')}`,
    );
}
