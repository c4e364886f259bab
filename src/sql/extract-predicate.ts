import { ANY, type Comparison, type FilePredicate, type Literal } from '../table/file-predicate.ts';
import { parseTimestamp } from '../table/column-bounds.ts';

/** A node of the syntax tree of `json_serialize_sql`; every field may be missing. */
export interface SqlNode {
  readonly [field: string]: unknown;
  readonly type?: string;
  readonly alias?: string;
  readonly schema_name?: string;
  readonly table_name?: string;
  readonly children?: readonly SqlNode[];
}

/**
 * For each table node in the FROM clause of a SELECT, a predicate from its WHERE clause. Rows that do not match it cannot reach
 * the result. Tables on the null-padded side of an outer join, and sampled tables, are left out, because there a missing
 * row changes the others.
 */
export function extractPredicates(select: SqlNode): Map<unknown, FilePredicate> {
  const leaves: SqlNode[] = [];
  const prunable = new Set<SqlNode>();
  collectLeaves(select['from_table'] as SqlNode | null, true, leaves, prunable);
  const predicates = new Map<unknown, FilePredicate>();
  const where = select['where_clause'] as SqlNode | null | undefined;
  // USING SAMPLE draws from the rows before the WHERE clause.
  if (where === null || where === undefined || select['sample']) return predicates;
  for (const table of prunable) {
    const name = exposedName(table);
    if (leaves.filter((leaf) => exposedName(leaf) === name).length > 1) continue;
    predicates.set(table, toPredicate(where, { name, isAlone: leaves.length === 1 }));
  }
  return predicates;
}

const PLAIN_JOINS = new Set(['REGULAR', 'CROSS', 'NATURAL']);

function collectLeaves(
  from: SqlNode | null | undefined,
  isPrunable: boolean,
  leaves: SqlNode[],
  prunable: Set<SqlNode>,
): void {
  if (from === null || from === undefined) return;
  if (from.type === 'JOIN') {
    const kind = from['join_type'];
    // In POSITIONAL and ASOF joins, a missing row changes the partners of other rows.
    const isPlain = isPrunable && PLAIN_JOINS.has(String(from['ref_type']));
    const { left, right } = from as { left?: SqlNode; right?: SqlNode };
    collectLeaves(left, isPlain && (kind === 'INNER' || kind === 'LEFT'), leaves, prunable);
    collectLeaves(right, isPlain && kind === 'INNER', leaves, prunable);
    return;
  }
  leaves.push(from);
  const aliases = from['column_name_alias'];
  const hasOtherNames = Array.isArray(aliases) && aliases.length > 0;
  if (isPrunable && from.type === 'BASE_TABLE' && !hasOtherNames && !from['sample']) prunable.add(from);
}

function exposedName(table: SqlNode): string {
  return (table.alias || table.table_name || '').toLowerCase();
}

interface Scope {
  /** Name of the table in the query, in lower case. */
  readonly name: string;
  /** Whether it is the only table, so unqualified names are its columns. */
  readonly isAlone: boolean;
}

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  COMPARE_EQUAL: '=',
  COMPARE_NOTEQUAL: '<>',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
};

const FLIPPED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function toPredicate(node: SqlNode, scope: Scope): FilePredicate {
  const [first, second] = node.children ?? [];
  switch (node.type) {
    case 'CONJUNCTION_AND':
    case 'CONJUNCTION_OR':
      return {
        kind: node.type === 'CONJUNCTION_AND' ? 'and' : 'or',
        parts: (node.children ?? []).map((child) => toPredicate(child, scope)),
      };
    case 'COMPARE_BETWEEN':
      return {
        kind: 'and',
        parts: [
          compare(node['input'], '>=', node['lower'], scope),
          compare(node['input'], '<=', node['upper'], scope),
        ],
      };
    case 'COMPARE_IN': {
      const wanted = (node.children ?? []).slice(1).map((child) => compare(first, '=', child, scope));
      return { kind: 'or', parts: wanted };
    }
    case 'OPERATOR_IS_NULL':
    case 'OPERATOR_IS_NOT_NULL': {
      const column = toColumn(first, scope);
      if (column === undefined) return ANY;
      return { kind: node.type === 'OPERATOR_IS_NULL' ? 'isNull' : 'isNotNull', column };
    }
    case 'FUNCTION':
      return toTextPredicate(String(node['function_name']), toColumn(first, scope), toLiteral(second));
    default: {
      const comparison = COMPARISONS[node.type ?? ''];
      return comparison === undefined ? ANY : compare(node['left'], comparison, node['right'], scope);
    }
  }
}

function compare(left: unknown, comparison: Comparison, right: unknown, scope: Scope): FilePredicate {
  const column = toColumn(left, scope);
  const literal = toLiteral(right);
  if (column !== undefined && literal !== undefined) return { kind: 'compare', column, comparison, literal };
  const otherColumn = toColumn(right, scope);
  const otherLiteral = toLiteral(left);
  if (otherColumn === undefined || otherLiteral === undefined) return ANY;
  return { kind: 'compare', column: otherColumn, comparison: FLIPPED[comparison], literal: otherLiteral };
}

/** `LIKE 'abc%…'` and functions that test for a prefix. */
function toTextPredicate(
  name: string,
  column: string | undefined,
  literal: Literal | undefined,
): FilePredicate {
  if (column === undefined || literal?.kind !== 'string') return ANY;
  if (name === '~~') return { kind: 'startsWith', column, prefix: literal.value.replace(/[%_].*$/su, '') };
  const isPrefix = name === 'prefix' || name === 'starts_with' || name === '^@';
  return isPrefix ? { kind: 'startsWith', column, prefix: literal.value } : ANY;
}

function toColumn(node: unknown, { name, isAlone }: Scope): string | undefined {
  const { type, column_names: names } = (node ?? {}) as { type?: string; column_names?: readonly string[] };
  if (type !== 'COLUMN_REF' || names === undefined) return undefined;
  const [first, second] = names;
  if (names.length === 1) return isAlone ? first : undefined;
  return names.length === 2 && first?.toLowerCase() === name ? second : undefined;
}

interface SqlValue {
  readonly is_null?: boolean;
  readonly value?: unknown;
  readonly type?: { readonly id?: string; readonly type_info?: { readonly scale?: number } | null };
}

const NUMBERS = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE']);

function toLiteral(node: unknown): Literal | undefined {
  const {
    type,
    value,
    child,
    cast_type: castType,
  } = (node ?? {}) as {
    type?: string;
    value?: SqlValue;
    child?: unknown;
    cast_type?: { readonly id?: string };
  };
  if (type === 'OPERATOR_CAST') {
    const text = toLiteral(child);
    return text?.kind === 'string' ? castLiteral(text.value, castType?.id ?? '') : undefined;
  }
  if (type !== 'VALUE_CONSTANT' || value === undefined || value.is_null) return undefined;
  const id = value.type?.id ?? '';
  if (id === 'VARCHAR' && typeof value.value === 'string') return { kind: 'string', value: value.value };
  if (typeof value.value !== 'number') return undefined;
  if (NUMBERS.has(id)) return { kind: 'number', value: value.value };
  // A decimal is serialised as its digits without the point.
  const scale = value.type?.type_info?.scale ?? 0;
  return id === 'DECIMAL' ? { kind: 'number', value: value.value / 10 ** scale } : undefined;
}

function castLiteral(text: string, type: string): Literal | undefined {
  if (type === 'BOOLEAN' && (text === 't' || text === 'f')) return { kind: 'boolean', value: text === 't' };
  if (type === 'DATE' && /^\d{4}-\d{2}-\d{2}$/u.test(text)) return { kind: 'date', value: text };
  const timeMs = type.startsWith('TIMESTAMP') ? parseTimestamp(text) : undefined;
  return timeMs === undefined ? undefined : { kind: 'timestamp', value: timeMs };
}
