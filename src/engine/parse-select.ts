import { messageOf, PixlakeError } from '../errors.ts';
import type { DuckDb } from './open-duckdb.ts';

/** A table named in a query: `schema` is empty for the lake's tables and `runs` for outputs of runs. */
export interface TableReference {
  readonly schema: string;
  readonly name: string;
}

/** A query that was checked to be a single SELECT; `sql` has no trailing semicolon and can be used as a subquery. */
export interface ParsedSelect {
  readonly sql: string;
  readonly tables: readonly TableReference[];
  /** Names that WITH clauses define anywhere in the query; a table reference may mean one of them. */
  readonly cteNames: ReadonlySet<string>;
}

interface SerializedSql {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

/**
 * Checks that a string is exactly one SELECT (WITH, VALUES, set operations, DESCRIBE and SUMMARIZE count as one) by DuckDB's own
 * parser, without running any of it, and collects the tables it names.
 *
 * @throws `SQL_EMPTY`, `SQL_SYNTAX`, `SQL_NOT_SELECT`, `SQL_MULTIPLE_STATEMENTS`
 */
export async function parseSelect(db: DuckDb, sql: string): Promise<ParsedSelect> {
  // DuckDB cuts the text at a NUL, so that what is checked would not be what is run.
  if (sql.includes('\0')) throw new PixlakeError('SQL_SYNTAX', 'the SQL holds a NUL character');
  const tree = await serialize(db, sql);
  if (tree.error) throw syntaxError(sql, tree);
  const statements = tree.statements ?? [];
  if (statements.length === 0)
    throw new PixlakeError('SQL_EMPTY', 'the SQL is empty', { remedy: 'give one SELECT' });
  if (statements.length > 1) {
    throw new PixlakeError('SQL_MULTIPLE_STATEMENTS', `the SQL holds ${statements.length} statements`, {
      remedy: 'give one SELECT; several steps can be one query by WITH',
    });
  }
  const tables = new Map<string, TableReference>();
  const cteNames = new Set<string>();
  collect(statements[0], tables, cteNames);
  return { sql: await withoutTrailer(db, sql, tree), tables: [...tables.values()], cteNames };
}

async function serialize(db: DuckDb, sql: string): Promise<SerializedSql> {
  const reader = await db.connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  const json = String(reader.getRows()[0]?.[0]);
  try {
    return JSON.parse(json) as SerializedSql;
  } catch {
    // Constants such as 1e999 are serialised as bare words that are not JSON; their values do not matter here.
    try {
      return JSON.parse(json.replaceAll(/:-?(?:Infinity|inf|nan)\b/giu, ':null')) as SerializedSql;
    } catch (error) {
      throw new PixlakeError('SQL_SYNTAX', `the SQL could not be checked: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}

function syntaxError(sql: string, tree: SerializedSql): PixlakeError {
  if (tree.error_type === 'not implemented') {
    return new PixlakeError('SQL_NOT_SELECT', `not a SELECT: ${abbreviate(sql)}`, {
      remedy: 'give one SELECT; a PIVOT needs its list of values (IN) spelled out',
    });
  }
  const position = Number(tree.position ?? Number.NaN);
  const place = Number.isNaN(position) ? '' : ` at character ${position + 1}`;
  return new PixlakeError(
    'SQL_SYNTAX',
    `${tree.error_message ?? 'syntax error'}${place} of: ${abbreviate(sql)}`,
  );
}

function abbreviate(sql: string): string {
  const line = sql.replaceAll(/\s+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

function collect(node: unknown, tables: Map<string, TableReference>, cteNames: Set<string>): void {
  if (Array.isArray(node)) {
    for (const item of node) collect(item, tables, cteNames);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const fields = node as {
    readonly [field: string]: unknown;
    readonly schema_name?: string;
    readonly table_name?: string;
  };
  if (fields['type'] === 'BASE_TABLE') {
    const schema = fields.schema_name ?? '';
    const name = fields.table_name ?? '';
    tables.set(JSON.stringify([schema, name]), { schema, name });
  }
  const cteMap = fields['cte_map'];
  if (typeof cteMap === 'object' && cteMap !== null && 'map' in cteMap && Array.isArray(cteMap.map)) {
    for (const entry of cteMap.map) cteNames.add(String((entry as { key: unknown }).key).toLowerCase());
  }
  for (const value of Object.values(fields)) collect(value, tables, cteNames);
}

/** A subquery may not end in a semicolon. Should the cut be at a wrong place after all, the text no longer parses to the same tree. */
async function withoutTrailer(db: DuckDb, sql: string, tree: SerializedSql): Promise<string> {
  const cut = sql.slice(0, endOfStatement(sql));
  if (cut === sql) return sql;
  const isSame = JSON.stringify(await serialize(db, cut)) === JSON.stringify(tree);
  return isSame ? cut : sql;
}

/**
 * Blanks or a comment, a semicolon, a quoted text or name, a word, or any other character. Each text has only one way to match, so
 * that no input makes the search slow.
 */
const TOKEN =
  /(?<blank>\s+|--[^\n\r]*|(?<comment>\/\*))|(?<semicolon>;)|e'(?:[^'\\]|\\[\s\S])*'|'[^']*'|"[^"]*"|\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?\$\k<tag>\$|[\p{L}\p{N}_]+|[\s\S]/giuy;

/** Where the statement ends if a semicolon follows it; all of the text if none does. */
function endOfStatement(sql: string): number {
  let end = 0;
  let hasSemicolon = false;
  for (let position = 0; position < sql.length; ) {
    TOKEN.lastIndex = position;
    const { blank, comment, semicolon } = TOKEN.exec(sql)?.groups ?? {};
    position = comment === undefined ? TOKEN.lastIndex : endOfComment(sql, position);
    if (semicolon !== undefined) hasSemicolon = true;
    else if (blank === undefined) {
      end = position;
      hasSemicolon = false;
    }
  }
  return hasSemicolon ? end : sql.length;
}

/** Block comments nest. */
function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(start).matchAll(/\/\*|\*\//gu)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return start + index + 2;
  }
  return sql.length;
}
