import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { TableChange } from '../../src/table/table-change.ts';
import { beginTransaction } from '../../src/table/transaction.ts';

/** Commits a change by one transaction, whose files others may name too; gives the version. */
export async function commitChange(store: ObjectStore, change: TableChange): Promise<number> {
  const { folder, base, added, removed, schema, partitionColumns, configuration, ...commit } = change;
  await using transaction = beginTransaction(store, base ?? folder);
  transaction.addShared(added);
  transaction.remove(removed);
  transaction.setMetadata({
    schema,
    partitionColumns,
    ...(configuration === undefined ? {} : { configuration }),
  });
  return transaction.commit(commit);
}
