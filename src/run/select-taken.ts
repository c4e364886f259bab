import { quoteName } from '../sql/sql-text.ts';

/**
 * SQL of the manifest rows of images that a shard takes over: what was computed then, beside the columns that the SQL passes today. An original may
 * have moved since.
 *
 * @param passed the passed columns, of the table `planned`
 */
export function selectTaken(passed: readonly string[], computed: readonly string[]): string {
  const taken = computed.map((name) =>
    name === 'source_key'
      ? 'planned.__image_key AS source_key'
      : `taken.${quoteName(name)} AS ${quoteName(name)}`,
  );
  const columns = ['planned.__ordinal', ...passed, ...taken].join(', ');
  return `SELECT ${columns} FROM planned, unnest(planned.__taken) AS unnested(taken)`;
}
