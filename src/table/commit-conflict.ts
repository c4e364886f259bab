import type { AddAction, DeltaAction } from './delta-actions.ts';
import { fileIdOf } from './file-identity.ts';
import { fileMightMatch } from './prune-files.ts';
import type { TableChange } from './table-change.ts';

/**
 * Why a change cannot be committed after a commit that its author had not seen; `undefined` if it can. Appends never conflict with
 * appends. What was read must not have changed, no file may be removed twice, and both must use the same columns.
 */
export function findConflict(change: TableChange, winner: readonly DeltaAction[]): string | undefined {
  const taken = new Set(change.removed.map(({ add }) => fileIdOf(add)));
  for (const { protocol, metaData, remove, add } of winner) {
    if (change.base === undefined && protocol !== undefined) return 'it made the table';
    if (protocol !== undefined) return 'it changed the protocol';
    if (metaData !== undefined) return 'it changed the columns or properties';
    if (remove !== undefined && taken.has(fileIdOf(remove))) return 'it removed a file that this one removes';
    if (remove?.dataChange && change.reads.kind === 'any') return 'it removed rows that this one read';
    if (add?.dataChange && mightBring(change, add)) return 'it added rows that this one would have read';
  }
  return undefined;
}

function mightBring(change: TableChange, add: AddAction): boolean {
  const { schema, partitionColumns, reads } = change;
  return fileMightMatch({ schema, partitionColumns }, { partitionValues: add.partitionValues, add }, reads);
}
