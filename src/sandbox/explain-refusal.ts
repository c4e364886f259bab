import { messageOf, PixlakeError } from '../errors.ts';
import type { SqlSession } from '../duckdb/open-duckdb.ts';
import { refusedFunctionOf } from '../sql/guard-select.ts';
import { ALLOWED_FUNCTIONS, ALLOWED_TABLE_FUNCTIONS } from '../sql/sql-functions.ts';
import { quoteText } from '../sql/sql-text.ts';

/** Longer names are not compared. */
const MAX_NAME_CHARACTERS = 100;

/** More changed letters than this make another word. */
const MAX_DISTANCE = 3;

const LIKE = 'like it: ';

/**
 * Tells a function that does not exist from one that is not allowed: the first is a mistake of the writer, and the error names the function
 * that was probably meant. All other errors are returned as they are.
 */
export async function explainRefusal(session: Pick<SqlSession, 'run'>, error: unknown): Promise<unknown> {
  const name = refusedFunctionOf(error);
  if (name === undefined || name.length > MAX_NAME_CHARACTERS) return error;
  const written = quoteText(name.toLowerCase());
  const allowed = [...ALLOWED_FUNCTIONS, ...ALLOWED_TABLE_FUNCTIONS].filter((known) => /^\w+$/u.test(known));
  try {
    await session.run(`
      SELECT error(${quoteText(LIKE)} || coalesce((
        SELECT name FROM (SELECT unnest([${allowed.map(quoteText).join(', ')}]) AS name)
        WHERE damerau_levenshtein(name, ${written}) <= ${MAX_DISTANCE}
        ORDER BY damerau_levenshtein(name, ${written}), name LIMIT 1), ''))
      WHERE NOT EXISTS (FROM duckdb_functions() WHERE lower(function_name) = ${written})`);
    return error;
  } catch (answer) {
    const [, likely] = messageOf(answer).split(LIKE);
    // The process may have died or be out of memory, which tells nothing of the function.
    if (likely === undefined) return error;
    const remedy =
      likely.trim() === ''
        ? 'see https://duckdb.org/docs/stable/sql/functions/overview'
        : `did you mean ${likely.trim()}?`;
    return new PixlakeError('SQL_REFUSED', `no function is named ${name}`, { remedy, cause: error });
  }
}
