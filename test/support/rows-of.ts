import type { Lakehouse } from '../../src/lakehouse.ts';

/** All rows of a SELECT, as values in the order of its columns. */
export async function rowsOf(lakehouse: Lakehouse, sql: string): Promise<unknown[][]> {
  await using query = await lakehouse.query(sql);
  return (await query.toArray()).map((row) => Object.values(row));
}
