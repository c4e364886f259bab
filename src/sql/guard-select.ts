import { PixlakeError } from '../errors.ts';
import { isRunSchema } from './table-reference.ts';
import { ALLOWED_FUNCTIONS, ALLOWED_TABLE_FUNCTIONS } from './sql-functions.ts';
import { tokenize } from './sql-tokens.ts';
import { splitVersion } from './versioned-names.ts';

/**
 * What untrusted SQL may contain, by the names in DuckDB's serialised parse tree. Kinds of nodes that are not listed are refused, so a new
 * kind of a newer DuckDB is refused until somebody adds it.
 */
const NODE_KINDS = new Set([
  // Queries.
  'SELECT_NODE',
  'SET_OPERATION_NODE',
  'RECURSIVE_CTE_NODE',
  'CTE_NODE',
  // Sources of rows.
  'BASE_TABLE',
  'SUBQUERY',
  'JOIN',
  'TABLE_FUNCTION',
  'EXPRESSION_LIST',
  'EMPTY',
  'PIVOT',
  'SHOW_REF',
  'COLUMN_DATA',
  // Modifiers.
  'LIMIT_MODIFIER',
  'LIMIT_PERCENT_MODIFIER',
  'ORDER_MODIFIER',
  'DISTINCT_MODIFIER',
  // Types of casts.
  'ARRAY_TYPE_INFO',
  'DECIMAL_TYPE_INFO',
  'ENUM_TYPE_INFO',
  'LIST_TYPE_INFO',
  'STRING_TYPE_INFO',
  'STRUCT_TYPE_INFO',
  'UNBOUND_TYPE_INFO',
]);

/** Classes of expressions. */
const EXPRESSION_CLASSES = new Set([
  'BETWEEN',
  'CASE',
  'CAST',
  'COLLATE',
  'COLUMN_REF',
  'COMPARISON',
  'CONJUNCTION',
  'CONSTANT',
  'FUNCTION',
  'LAMBDA',
  'LAMBDA_REF',
  'OPERATOR',
  'PARAMETER',
  'POSITIONAL_REFERENCE',
  'STAR',
  'SUBQUERY',
  'TYPE',
  'WINDOW',
]);

/** Keywords in the place of columns that reveal something about the server. */
const REFUSED_COLUMNS = new Set([
  'current_user',
  'current_role',
  'session_user',
  'user',
  'current_catalog',
  'current_database',
  'current_schema',
  'current_schemas',
  'current_query',
  'inet_client_addr',
  'inet_client_port',
  'inet_server_addr',
  'inet_server_port',
]);

/** Names of DuckDB's own views that can be used without a schema. */
const SYSTEM_VIEW = /^(?:duckdb|pg|pragma|sqlite)_/iu;

/** Limits of the text. Beyond them DuckDB's lexer or binder takes seconds and cannot be interrupted. */
const MAX_SQL_BYTES = 16 * 1024;
const MAX_COMMENTS = 100;
const MAX_SUBQUERY_DEPTH = 8;
const MAX_NODE_DEPTH = 200;

const REMEDY = 'use one SELECT on the tables of the lake, with functions that only compute';

type Node = Readonly<Record<string, unknown>>;

/** Refuses text that cannot be checked or is too expensive to check. @throws `SQL_REFUSED` */
export function guardText(sql: string): void {
  if (Buffer.byteLength(sql) > MAX_SQL_BYTES) throw refuse(`the SQL has more than ${MAX_SQL_BYTES} bytes`);
  if (/\p{Surrogate}/u.test(sql)) throw refuse('the SQL contains an unpaired surrogate (half a character)');
  if ((sql.match(/--|\/\*/gu) ?? []).length > MAX_COMMENTS)
    throw refuse('the SQL contains too many comments');
}

/** Removes EXPLAIN from a query, because DuckDB's parser gives no tree for it. @throws `SQL_REFUSED` for EXPLAIN ANALYZE, which reveals details of the server */
export function splitExplain(sql: string): { readonly isExplained: boolean; readonly sql: string } {
  const words = tokenize(sql.slice(0, MAX_SQL_BYTES));
  let isExplained = false;
  for (const { kind, text, start } of words) {
    if (kind === 'blank') continue;
    if (!isExplained && kind === 'word' && /^explain$/iu.test(text)) isExplained = true;
    else if (isExplained && (text === '(' || /^analy[sz]e$/iu.test(text)))
      throw refuse('options of EXPLAIN are not allowed');
    else return { isExplained, sql: isExplained ? sql.slice(start) : sql };
  }
  return { isExplained, sql };
}

/**
 * Checks the tree of one untrusted SELECT: only known kinds of nodes, only functions that compute, only tables by plain names. Whether
 * the tables exist is checked by the caller.
 *
 * @throws `SQL_REFUSED` naming what is not allowed
 */
export function guardSelect(statement: unknown): void {
  walk(statement, 0, 0);
}

function walk(value: unknown, depth: number, subqueryDepth: number): void {
  if (depth > MAX_NODE_DEPTH) throw refuse('the SQL is nested too deeply');
  if (Array.isArray(value)) {
    for (const item of value) walk(item, depth + 1, subqueryDepth);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const node = value as Node;
  checkNode(node);
  const inner = subqueryDepth + (node['class'] === 'SUBQUERY' || node['type'] === 'SUBQUERY' ? 1 : 0);
  if (inner > MAX_SUBQUERY_DEPTH) throw refuse('the SQL has too many nested subqueries');
  for (const [key, child] of Object.entries(node)) {
    // Constants contain types and values, which are not nodes of the query.
    if (key === 'value' && node['class'] === 'CONSTANT') continue;
    // The table function itself has been checked; its arguments have not.
    const isRowFunction = key === 'function' && node['type'] === 'TABLE_FUNCTION';
    const queryDepth = key === 'cte_map' ? inner + 1 : inner;
    walk(isRowFunction ? Object.values(child as Node) : child, depth + 1, queryDepth);
  }
}

function checkNode(node: Node): void {
  const { class: expressionClass, type } = node;
  if (typeof expressionClass === 'string') checkExpression(node, expressionClass);
  else if (typeof type === 'string' && isNodeKind(node) && !NODE_KINDS.has(type))
    throw refuse(`${type} is not allowed`);
  if (type === 'BASE_TABLE') checkTable(node);
  if (type === 'UNBOUND_TYPE_INFO' && (node['schema'] || node['catalog']))
    throw refuse('types with a schema are not allowed');
  const cteMap = node['cte_map'] as { readonly map?: readonly { readonly key: unknown }[] } | undefined;
  for (const { key } of cteMap?.map ?? []) checkCteName(String(key));
  if (type === 'TABLE_FUNCTION') checkFunction(node['function'] as Node, ALLOWED_TABLE_FUNCTIONS);
  if (type === 'SHOW_REF' && (node['query'] === null || node['query'] === undefined))
    throw refuse('SHOW is not allowed; use DESCRIBE with a table');
}

/** Modifiers, queries and sources have a type but no class; value types have an id. */
function isNodeKind(node: Node): boolean {
  return !('id' in node) && !('null_order' in node);
}

function checkExpression(node: Node, expressionClass: string): void {
  if (!EXPRESSION_CLASSES.has(expressionClass)) throw refuse(`${expressionClass} is not allowed`);
  if (expressionClass === 'FUNCTION' || expressionClass === 'WINDOW') checkFunction(node, ALLOWED_FUNCTIONS);
  if (expressionClass !== 'COLUMN_REF') return;
  const names = node['column_names'];
  const [name] = Array.isArray(names) ? (names as readonly unknown[]) : [];
  if (Array.isArray(names) && names.length === 1 && REFUSED_COLUMNS.has(String(name).toLowerCase()))
    throw refuse(`${String(name)} is not allowed`);
}

function checkFunction(node: Node, allowed: ReadonlySet<string>): void {
  const { function_name: name, schema, catalog } = node;
  const isQualified = (schema !== '' && schema !== 'main') || (catalog !== undefined && catalog !== '');
  if (isQualified || !allowed.has(String(name).toLowerCase()))
    throw new PixlakeError('SQL_REFUSED', `the function ${String(name)} is not allowed`, {
      remedy: REMEDY,
      cause: { functionName: String(name) } satisfies RefusedFunction,
    });
}

/** The cause of a refusal of a function. */
interface RefusedFunction {
  readonly functionName: string;
}

/** The function for which SQL was refused; `undefined` if it was refused for something else. */
export function refusedFunctionOf(error: unknown): string | undefined {
  const cause = error instanceof PixlakeError && error.code === 'SQL_REFUSED' ? error.cause : undefined;
  return (cause as RefusedFunction | undefined)?.functionName;
}

/** Views of versions have their own schemas; see `parseSelect`. */
function checkTable(node: Node): void {
  const { catalog_name: catalog = '', schema_name: schema = '' } = node as Readonly<Record<string, string>>;
  if (catalog !== '') throw refuse(`the catalog ${catalog} is not allowed`);
  const { text } = splitVersion(schema);
  if (text !== '' && !isRunSchema(text.toLowerCase())) throw refuse(`the schema ${schema} is not allowed`);
}

/** Outside the scope of a WITH clause, DuckDB would look for its name in files and in its own views, so such names are refused. */
function checkCteName(name: string): void {
  if (!/^[\p{L}\p{N}_ -]+$/u.test(name) || SYSTEM_VIEW.test(name))
    throw refuse(`a WITH clause may not be named ${JSON.stringify(name)}`);
}

function refuse(reason: string): PixlakeError {
  return new PixlakeError('SQL_REFUSED', reason, { remedy: REMEDY });
}
