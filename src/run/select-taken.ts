import { quoteName } from '../sql/sql-text.ts';

/**
 * SQL for the manifest rows of images that a shard takes over: the earlier computed columns, next to the columns of today's SQL. An original may
 * have another key since.
 *
 * @param passed the columns of the SQL, in the table `planned`
 */
export function selectTaken(passed: readonly string[], computed: readonly string[]): string {
  const taken = computed.map((name) =>
    name === 'source_key'
      ? 'planned.__image_key AS source_key'
      : `__image.${quoteName(name)} AS ${quoteName(name)}`,
  );
  const columns = ['planned.__ordinal', ...passed, ...taken].join(', ');
  return `SELECT ${columns} FROM planned, unnest(planned.__taken) AS __unnested(__image)`;
}
