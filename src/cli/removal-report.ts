import type { KeptFiles, RemovedFiles } from '../maintenance/remove-files.ts';
import { print } from './print.ts';
import { formatBytes, formatCount } from './progress-bar.ts';

/** What the verbs that remove things have in common. */
interface RemovalReport {
  readonly isDryRun: boolean;
  readonly removed: readonly RemovedFiles[];
  readonly kept: readonly KeptFiles[];
  readonly notRetriable: readonly string[];
}

/** Prints what a removal took, what it kept and why, and which runs it leaves without what a retry needs. */
export function printRemoval({ isDryRun, removed, kept, notRetriable }: RemovalReport): void {
  const counts = ({ fileCount, sizeBytes }: RemovedFiles): string =>
    `${formatCount(fileCount)} files (${formatBytes(sizeBytes)})`;
  const taken = removed.filter(({ fileCount }) => fileCount > 0);
  for (const files of taken)
    print(`${isDryRun ? 'would remove' : 'removed'} ${files.folder}: ${counts(files)}`);
  if (taken.length === 0) print(isDryRun ? 'would remove nothing' : 'removed nothing');
  for (const files of kept)
    print(`${isDryRun ? 'would keep' : 'kept'} ${counts(files)} of ${files.folder}: ${files.reason}`);
  if (notRetriable.length > 0)
    print(
      `failed images of these runs can${isDryRun ? ' then' : ''} no longer be retried: ${notRetriable.join(', ')}`,
    );
}
