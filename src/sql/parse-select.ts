import { messageOf, PixlakeError } from '../errors.ts';
import { ANY, type FilePredicate } from '../table/file-predicate.ts';
import { extractPredicates, type SqlNode } from './extract-predicate.ts';
import { tokenize } from './sql-tokens.ts';
import type { TableReference } from './table-reference.ts';
import { collectTableNodes, quoteVersionedNames, resolveVersions, splitVersion } from './versioned-names.ts';

/** What parses SQL. */
export interface SqlParser {
  /** DuckDB's syntax tree of an SQL text, as JSON; nothing is run. */
  serialize(sql: string): Promise<string>;
}

/** A table that a query reads, and what of it can reach the result. */
export interface ParsedTable {
  readonly reference: TableReference;
  readonly predicate: FilePredicate;
  /** Schema and name of the view that stands for it in the query. */
  readonly viewName: readonly [schema: string, name: string];
}

/**
 * A query that was checked to be a single SELECT; `sql` has no trailing semicolon and can be used as a subquery. Tables with a version
 * have become views in a schema of their own, such as `"@v3".images`.
 */
export interface ParsedSelect {
  readonly sql: string;
  readonly tables: readonly ParsedTable[];
  /** Names that WITH clauses define anywhere in the query; a table reference may mean one of them. */
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
 * Checks that a string is exactly one SELECT (WITH, VALUES, set operations, DESCRIBE and SUMMARIZE count as one) by DuckDB's own
 * parser, without running any of it, and collects the tables it names.
 *
 * @param guard sees the syntax tree of what will be run, and throws if it should not be
 * @throws `SQL_EMPTY`, `SQL_SYNTAX`, `SQL_NOT_SELECT`, `SQL_MULTIPLE_STATEMENTS`
 */
export async function parseSelect(
  db: SqlParser,
  sql: string,
  guard: (statement: unknown) => void = () => undefined,
): Promise<ParsedSelect> {
  // DuckDB cuts the text at a NUL, so that what is checked would not be what is run.
  if (sql.includes('\0')) throw new PixlakeError('SQL_SYNTAX', 'the SQL holds a NUL character');
  const written = quoteVersionedNames(sql);
  const writtenTree = await serialize(db, written);
  const statement = checkSingleSelect(sql, writtenTree);
  guard(statement);
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
    throw new PixlakeError('SQL_MULTIPLE_STATEMENTS', `the SQL holds ${statements.length} statements`, {
      remedy: 'give one SELECT; several steps can be one query by WITH',
    });
  }
  return statements[0];
}

async function serialize(db: SqlParser, sql: string): Promise<SerializedSql> {
  const json = await db.serialize(sql);
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

/** `predicates` are those of the SELECT that the node is part of, by table node. */
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

/** The view schema of a table with a version ends in it. */
function toReference(schema: string, name: string): TableReference {
  const { text, asOf } = splitVersion(schema);
  return asOf === undefined ? { schema, name } : { schema: text, name, asOf };
}

/** A table that is named several times is read once: with all that any of the places needs. */
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

/** A subquery may not end in a semicolon. Should the cut be at a wrong place after all, the text no longer parses to the same tree. */
async function withoutTrailer(db: SqlParser, sql: string, tree: SerializedSql): Promise<string> {
  const cut = sql.slice(0, endOfStatement(sql));
  if (cut === sql) return sql;
  const isSame = JSON.stringify(await serialize(db, cut)) === JSON.stringify(tree);
  return isSame ? cut : sql;
}

/** Where the statement ends if a semicolon follows it; all of the text if none does. */
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
