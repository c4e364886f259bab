import { messageOf, PixlakeError } from '../errors.ts';
import { ANY, type FilePredicate } from '../table/file-predicate.ts';
import { explainMistake } from './explain-mistake.ts';
import { extractPredicates, type SqlNode } from './extract-predicate.ts';
import { tokenize } from './sql-tokens.ts';
import type { TableReference } from './table-reference.ts';
import { collectTableNodes, quoteVersionedNames, resolveVersions, splitVersion } from './versioned-names.ts';

/** Parses SQL. */
export interface SqlParser {
  /** DuckDB's syntax tree of an SQL text, as JSON. Nothing is executed. */
  serialize(sql: string): Promise<string>;
}

/** A table that a query reads, and which of its rows can reach the result. */
export interface ParsedTable {
  readonly reference: TableReference;
  readonly predicate: FilePredicate;
  /** Schema and name of its view in the query. */
  readonly viewName: readonly [schema: string, name: string];
}

/**
 * A query that is known to be a single SELECT. `sql` has no trailing semicolon and can be used as a subquery. Tables with a version
 * are replaced by views in a schema, such as `"@v3".images`.
 */
export interface ParsedSelect {
  readonly sql: string;
  readonly tables: readonly ParsedTable[];
  /** Names that WITH clauses define anywhere in the query. A table reference may mean one of them. */
  readonly cteNames: ReadonlySet<string>;
  /** DuckDB's syntax tree of the statement. */
  readonly tree: unknown;
}

interface SerializedSql {
  readonly error: boolean;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
  readonly statements?: readonly unknown[];
}

/**
 * Checks with DuckDB's own parser that a text is exactly one SELECT (WITH, VALUES, set operations, DESCRIBE and SUMMARIZE count),
 * without executing it, and collects the tables that it names.
 *
 * @param guard receives the syntax tree of the SQL that will run, and throws to refuse it
 * @throws `SQL_EMPTY`, `SQL_SYNTAX`, `SQL_NOT_SELECT`, `SQL_MULTIPLE_STATEMENTS`
 */
export async function parseSelect(
  db: SqlParser,
  sql: string,
  guard: (statement: unknown) => void = () => undefined,
): Promise<ParsedSelect> {
  // DuckDB stops at a NUL, so the checked text would not be the text that runs.
  if (sql.includes('\0')) throw new PixlakeError('SQL_SYNTAX', 'the SQL contains a NUL character');
  const written = quoteVersionedNames(sql);
  const writtenTree = await serialize(db, written);
  const statement = checkSingleSelect(sql, writtenTree);
  guard(statement);
  // DuckDB would list the views of other queries, which are none.
  if (isShow(statement)) {
    throw new PixlakeError('SQL_NOT_SELECT', `not a SELECT: ${abbreviate(sql)}`, {
      remedy: '`pixlake tables` lists the tables; DESCRIBE <table> lists its columns',
    });
  }
  const text = resolveVersions(written, collectTableNodes(statement));
  const tree = text === written ? writtenTree : await serialize(db, text);
  const tables = new Map<string, ParsedTable>();
  const cteNames = new Set<string>();
  const resolved = text === written ? statement : checkSingleSelect(text, tree);
  if (resolved !== statement) guard(resolved);
  collect(resolved, new Map(), tables, cteNames);
  const cut = await withoutTrailer(db, text, tree);
  return { sql: cut, tables: [...tables.values()], cteNames, tree: resolved };
}

function checkSingleSelect(sql: string, tree: SerializedSql): unknown {
  if (tree.error) throw syntaxError(sql, tree);
  const statements = tree.statements ?? [];
  if (statements.length === 0)
    throw new PixlakeError('SQL_EMPTY', 'the SQL is empty', { remedy: 'give one SELECT' });
  if (statements.length > 1) {
    throw new PixlakeError('SQL_MULTIPLE_STATEMENTS', `the SQL contains ${statements.length} statements`, {
      remedy: 'give one SELECT; combine several steps with WITH',
    });
  }
  return statements[0];
}

async function serialize(db: SqlParser, sql: string): Promise<SerializedSql> {
  const json = await db.serialize(sql);
  try {
    return JSON.parse(json) as SerializedSql;
  } catch {
    // Constants such as 1e999 are serialised as words that are not JSON. Their values do not matter here.
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
      remedy: explainMistake(sql) ?? 'give one SELECT',
    });
  }
  const remedy = explainMistake(sql);
  const position = Number(tree.position ?? Number.NaN);
  const place = Number.isNaN(position) ? '' : ` at character ${position + 1}`;
  return new PixlakeError(
    'SQL_SYNTAX',
    `${tree.error_message ?? 'syntax error'}${place} of: ${abbreviate(sql)}`,
    remedy === undefined ? {} : { remedy },
  );
}

/** `SHOW` of anything but a table. */
function isShow(statement: unknown): boolean {
  const { node } = statement as { node?: { from_table?: { type?: string; query?: unknown } } };
  return node?.from_table?.type === 'SHOW_REF' && (node.from_table.query ?? null) === null;
}

function abbreviate(sql: string): string {
  const line = sql.replaceAll(/\s+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** `predicates` are those of the enclosing SELECT, by table node. */
function collect(
  node: unknown,
  predicates: ReadonlyMap<unknown, FilePredicate>,
  tables: Map<string, ParsedTable>,
  cteNames: Set<string>,
): void {
  if (Array.isArray(node)) {
    for (const item of node) collect(item, predicates, tables, cteNames);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const fields = node as SqlNode;
  if (fields.type === 'BASE_TABLE') addTable(fields, predicates.get(node) ?? ANY, tables);
  const cteMap = fields['cte_map'];
  if (typeof cteMap === 'object' && cteMap !== null && 'map' in cteMap && Array.isArray(cteMap.map)) {
    for (const entry of cteMap.map) cteNames.add(String((entry as { key: unknown }).key).toLowerCase());
  }
  const inner = fields.type === 'SELECT_NODE' ? extractPredicates(fields) : predicates;
  for (const value of Object.values(fields)) collect(value, inner, tables, cteNames);
}

/** The view schema of a table with a version ends in that version. */
function toReference(schema: string, name: string): TableReference {
  const { text, asOf } = splitVersion(schema);
  // DuckDB's schema for what has none.
  const own = text.toLowerCase() === 'main' ? '' : text;
  return { schema: own, name, ...(asOf === undefined ? {} : { asOf }) };
}

/** A table that is named several times is read once, with the rows that any of the places needs. */
function addTable(node: SqlNode, predicate: FilePredicate, tables: Map<string, ParsedTable>): void {
  const { schema_name: schema = '', table_name: name = '' } = node;
  const key = JSON.stringify([schema, name]).toLowerCase();
  const known = tables.get(key);
  tables.set(key, {
    reference: known?.reference ?? toReference(schema, name),
    viewName: [schema, name],
    predicate: known === undefined ? predicate : { kind: 'or', parts: [known.predicate, predicate] },
  });
}

/** A subquery may not end in a semicolon. If the cut were at a wrong place, the text would not parse to the same tree. */
async function withoutTrailer(db: SqlParser, sql: string, tree: SerializedSql): Promise<string> {
  const cut = sql.slice(0, endOfStatement(sql));
  if (cut === sql) return sql;
  const isSame = JSON.stringify(await serialize(db, cut)) === JSON.stringify(tree);
  return isSame ? cut : sql;
}

/** The end of the statement before a trailing semicolon, or the end of the text. */
function endOfStatement(sql: string): number {
  let end = 0;
  let hasSemicolon = false;
  for (const { kind, start, text } of tokenize(sql)) {
    if (kind === 'semicolon') hasSemicolon = true;
    else if (kind !== 'blank') {
      end = start + text.length;
      hasSemicolon = false;
    }
  }
  return hasSemicolon ? end : sql.length;
}
