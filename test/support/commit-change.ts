import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { beginTransaction } from '../../src/table/transaction.ts';

type Change = Omit<TableChange, 'rowDelta'> & Partial<Pick<TableChange, 'rowDelta'>>;

/** Commits a change by one transaction, whose files others may name too; gives the version. */
export async function commitChange(store: ObjectStore, change: Change): Promise<number> {
  const { folder, base, added, removed, schema, partitionColumns, configuration, rowDelta, ...commit } =
    change;
  await using transaction = beginTransaction(store, base ?? folder);
  transaction.addShared(added);
  transaction.remove(removed);
  transaction.setMetadata({
    schema,
    partitionColumns,
    ...(configuration === undefined ? {} : { configuration }),
  });
  return transaction.commit({ ...commit, rowDelta });
}
