import type { Lakehouse } from '../../src/lakehouse.ts';

/** All rows of a SELECT. */
export async function rowsOf(lakehouse: Lakehouse, sql: string): Promise<unknown[][]> {
  await using query = await lakehouse.query(sql);
  const rows: unknown[][] = [];
  for await (const batch of query.batches) rows.push(...batch.getRows());
  return rows;
}
