import { PixlakeError } from '../errors.ts';
import { type AsOf, describeAsOf, parseAsOf } from '../table/as-of.ts';
import type { SqlNode } from './extract-predicate.ts';
import { quoteName } from './sql-text.ts';
import { type SqlToken, tokenize } from './sql-tokens.ts';

/** Splits a name at its last `@` into name and version: `images@v3`. */
export function splitVersion(name: string): { readonly text: string; readonly asOf?: AsOf } {
  const at = name.lastIndexOf('@');
  if (at === -1) return { text: name };
  return { text: name.slice(0, at), asOf: parseAsOf(name.slice(at + 1)) };
}

/** Quotes `images@v3`, which is not valid SQL, as the name `"images@v3"`. */
export function quoteVersionedNames(sql: string): string {
  const tokens = [...tokenize(sql)];
  let quoted = '';
  for (let index = 0; index < tokens.length; index++) {
    const [name, at, version] = tokens.slice(index, index + 3);
    const isName = name?.kind === 'word' || name?.kind === 'name';
    if (isName && at?.text === '@' && version?.kind === 'word' && /^v\d+$/iu.test(version.text)) {
      quoted += quoteName(`${unquote(name)}@${version.text.toLowerCase()}`);
      index += 2;
    } else quoted += name?.text ?? '';
  }
  return quoted;
}

/** All nodes of a syntax tree that name a table, in text order. */
export function collectTableNodes(node: unknown): SqlNode[] {
  const found: SqlNode[] = [];
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    if (!Array.isArray(part) && (part as SqlNode).type === 'BASE_TABLE') found.push(part as SqlNode);
    for (const value of Object.values(part)) visit(value);
  };
  visit(node);
  return found.sort((a, b) => Number(a['query_location']) - Number(b['query_location']));
}

/**
 * Replaces each table with a version, such as `"images@v3"` or `images AT (VERSION => 3)`, by the name of its view:
 * `"@v3".images`. Everything else stays as written, so positions in error messages are right.
 *
 * @throws `SQL_SYNTAX` for versions that are not constants
 */
export function resolveVersions(sql: string, tables: readonly SqlNode[]): string {
  const tokens = [...tokenize(sql)];
  const bytes = Buffer.from(sql);
  const edits = new Map<number, string>();
  for (const table of tables) {
    const asOf = versionOf(table);
    if (asOf === undefined) continue;
    // DuckDB counts bytes.
    const start = bytes.subarray(0, Number(table['query_location'])).toString('utf8').length;
    const first = tokens.findIndex((token) => token.start === start);
    const last = endOfName(tokens, first);
    const name = splitName(table.table_name ?? '');
    const view = `${quoteName(`${table.schema_name ?? ''}@${describeAsOf(asOf)}`)}.${quoteName(name)}`;
    for (let index = first; index <= last; index++) edits.set(index, index === first ? view : '');
    if (table['at_clause']) removeAtClause(tokens, last + 1, edits);
  }
  return tokens.map((token, index) => edits.get(index) ?? token.text).join('');
}

const VERSIONED_NAME = /^(?<name>.+)@(?<version>v\d+)$/u;

function splitName(name: string): string {
  return VERSIONED_NAME.exec(name)?.groups?.['name'] ?? name;
}

function versionOf(table: SqlNode): AsOf | undefined {
  const name = VERSIONED_NAME.exec(table.table_name ?? '')?.groups?.['version'];
  const clause = table['at_clause'] as { unit?: string; expr?: AtExpression } | null | undefined;
  if (clause === null || clause === undefined) return name === undefined ? undefined : parseAsOf(name);
  const { expr, unit } = clause;
  const value = (expr?.type === 'OPERATOR_CAST' ? expr.child?.value : expr?.value)?.value;
  if (unit === 'VERSION' && typeof value === 'number') return parseAsOf(String(value));
  if (unit === 'TIMESTAMP' && typeof value === 'string') return parseAsOf(value);
  throw new PixlakeError('SQL_SYNTAX', `AT (${unit ?? ''} => …) needs a constant`, {
    remedy: "write AT (VERSION => 3) or AT (TIMESTAMP => '2026-01-31T12:00:00Z')",
  });
}

interface AtExpression {
  readonly type?: string;
  readonly value?: { readonly value?: unknown };
  readonly child?: { readonly value?: { readonly value?: unknown } };
}

/** Index of the last token of a name that may have parts: `catalog.schema.table`. */
function endOfName(tokens: readonly SqlToken[], first: number): number {
  let last = first;
  for (;;) {
    const dot = nextIndex(tokens, last + 1);
    if (tokens[dot]?.text !== '.') return last;
    last = nextIndex(tokens, dot + 1);
  }
}

function removeAtClause(tokens: readonly SqlToken[], from: number, edits: Map<number, string>): void {
  for (let index = from; index < tokens.length; index++) {
    const open = nextIndex(tokens, index + 1);
    if (tokens[index]?.text.toUpperCase() !== 'AT' || tokens[open]?.text !== '(') continue;
    let depth = 0;
    let end = open;
    for (; end < tokens.length; end++) {
      const text = tokens[end]?.text;
      if (text === '(') depth += 1;
      if (text === ')') depth -= 1;
      if (depth === 0) break;
    }
    for (let cut = index; cut <= end; cut++) edits.set(cut, '');
    return;
  }
}

function nextIndex(tokens: readonly SqlToken[], from: number): number {
  let index = from;
  while (tokens[index]?.kind === 'blank') index += 1;
  return index;
}

function unquote({ kind, text }: SqlToken): string {
  return kind === 'name' ? text.slice(1, -1).replaceAll('""', '"') : text;
}
