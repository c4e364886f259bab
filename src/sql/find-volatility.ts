import type { SqlNode } from './extract-predicate.ts';

/** Why a query may return other rows or values when it runs again on the same snapshots. */
export interface Volatility {
  /** One phrase for each reason; empty if the snapshots determine the rows. */
  readonly reasons: readonly string[];
  /** Whether the last digits depend on the order in which threads add numbers. One thread always adds in the order of the data files. */
  readonly addsNumbers: boolean;
}

/** Functions whose values depend on time, chance or the session; `duckdb_functions()` calls them other than CONSISTENT. */
export const VOLATILE_FUNCTIONS: ReadonlySet<string> = new Set(
  `random uuid uuidv4 uuidv7 gen_random_uuid setseed nextval currval now today transaction_timestamp get_current_time get_current_timestamp current_date
  current_database current_schema current_schemas current_query current_query_id current_transaction_id current_connection_id txid_current
  current_setting getvariable in_search_path stats write_log sleep_ms error`.split(/\s+/u),
);

/** SQL keywords that the parser treats as columns. */
const VOLATILE_WORDS = new Set(
  'current_timestamp current_date current_time localtime localtimestamp current_localtime current_localtimestamp current_user user'.split(
    ' ',
  ),
);

/** Aggregates whose value depends on the order of rows unless the call has an ORDER BY. */
const ORDERED_AGGREGATES = new Set(
  `any_value arbitrary first last first_value last_value list array_agg string_agg group_concat listagg arg_max arg_max_null
  arg_max_nulls_last arg_min arg_min_null arg_min_nulls_last argmax argmin max_by min_by mode approx_quantile approx_top_k
  reservoir_quantile`.split(/\s+/u),
);

/** Aggregates that add numbers; for floating point the result depends on the order. */
const SUMS = new Set(
  `sum avg mean fsum favg kahan_sum sumkahan sum_no_overflow product stddev stddev_pop stddev_samp var_pop var_samp variance sem corr
  covar_pop covar_samp regr_avgx regr_avgy regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy kurtosis kurtosis_pop skewness
  entropy`.split(/\s+/u),
);

/** Joins that pair rows by position, or pick any of several equally near rows. */
const JOINS_BY_PLACE = new Set(['POSITIONAL', 'ASOF']);

/** Functions that sort a list. */
const SORTS = new Set(['list_sort', 'array_sort', 'list_reverse_sort', 'array_reverse_sort']);

/** Window functions that number or pick rows by order. */
const ORDERED_WINDOWS = new Set(
  'ROW_NUMBER FIRST_VALUE LAST_VALUE NTH_VALUE LEAD LAG NTILE FILL'
    .split(' ')
    .map((name) => `WINDOW_${name}`),
);

/** Table functions that read no data. */
const PURE_TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest', 'repeat', 'repeat_row']);

/**
 * Finds in a syntax tree what makes a query volatile: functions of time and chance, samples, files outside the lake, and a LIMIT, DISTINCT
 * ON, window or aggregate that depends on the order of rows without an ORDER BY that ends in the id column.
 */
export function findVolatility(statement: unknown, idColumn: string): Volatility {
  const reasons = new Set<string>();
  let addsNumbers = false;
  const visit = (part: unknown, isSorted: boolean): void => {
    if (typeof part !== 'object' || part === null) return;
    if (Array.isArray(part)) {
      for (const item of part) visit(item, isSorted);
      return;
    }
    const node = part as SqlNode;
    for (const reason of reasonsOf(node, idColumn, isSorted)) reasons.add(reason);
    addsNumbers ||= SUMS.has(functionOf(node));
    // DuckDB's parser turns `list(tag ORDER BY tag)` into `list_sort(list(tag))`.
    const sorts = SORTS.has(functionOf(node));
    for (const [field, value] of Object.entries(node)) visit(value, sorts && field === 'children');
  };
  visit(statement, false);
  return { reasons: [...reasons], addsNumbers };
}

/** Whether the outermost ORDER BY of a statement is a total order, because it contains the id column. */
export function hasTotalOrder(statement: unknown, idColumn: string): boolean {
  const { node } = (statement ?? {}) as { node?: SqlNode };
  return node !== undefined && isOrdered(ordersOf(node), node, idColumn);
}

function reasonsOf(node: SqlNode, idColumn: string, isSorted: boolean): string[] {
  const name = functionOf(node);
  const reasons: string[] = [];
  if (node.type === 'TABLE_FUNCTION') {
    const table = functionOf((node['function'] ?? {}) as SqlNode);
    if (!PURE_TABLE_FUNCTIONS.has(table)) reasons.push(`it reads other data by ${table}()`);
  }
  if (VOLATILE_FUNCTIONS.has(name)) reasons.push(`it calls ${name}()`);
  // With one argument it counts from today.
  if (name === 'age' && (node['children'] as readonly unknown[]).length === 1) reasons.push('it calls age()');
  if (!isSorted) reasons.push(...aggregateReasons(node, name, idColumn));
  if (JOINS_BY_PLACE.has(String(node['ref_type'])))
    reasons.push(`its ${String(node['ref_type'])} JOIN depends on the order of rows`);
  const word =
    node.type === 'COLUMN_REF' ? (node['column_names'] as readonly string[] | undefined) : undefined;
  if (word?.length === 1 && VOLATILE_WORDS.has(word[0]?.toLowerCase() ?? ''))
    reasons.push(`it uses ${word[0]}`);
  if (typeof node['sample'] === 'object' && node['sample'] !== null) reasons.push('it draws a sample');
  if (ORDERED_WINDOWS.has(node.type ?? '')) {
    const windowOrders = (node['orders'] ?? []) as readonly OrderTerm[];
    if (!isOrdered(windowOrders, node, idColumn)) reasons.push(`${name}() has no ORDER BY ${idColumn}`);
  }
  return [...reasons, ...limitReasons(node, idColumn)];
}

/** Why an aggregate over groups or windows depends on the order of rows. */
function aggregateReasons(node: SqlNode, name: string, idColumn: string): string[] {
  const isWindow = node.type === 'WINDOW_AGGREGATE';
  const own =
    (isWindow ? node['arg_orders'] : (node['order_bys'] as { orders?: unknown } | undefined)?.orders) ?? [];
  const orders = own as readonly OrderTerm[];
  const windowOrders = (isWindow ? (node['orders'] ?? []) : []) as readonly OrderTerm[];
  const isTotal = (terms: readonly OrderTerm[]): boolean => isOrdered(terms, node, idColumn);
  if (ORDERED_AGGREGATES.has(name) && (isWindow || node.type === 'FUNCTION')) {
    const [value] = node.children ?? [];
    // Rows with equal collected values may come in any order.
    const isByValue = orders.some(({ expression }) => isSameColumn(expression, value));
    if (isByValue || isTotal(orders) || isTotal(windowOrders)) return [];
    return [`${name}() has no ORDER BY${orders.length === 0 ? '' : ` ${idColumn}`}`];
  }
  const countsRows = [node['start'], node['end']].some((bound) => String(bound).endsWith('_ROWS'));
  return isWindow && countsRows && !isTotal(windowOrders) ? [`${name}() has no ORDER BY ${idColumn}`] : [];
}

function isSameColumn(one: SqlNode | undefined, other: SqlNode | undefined): boolean {
  const [name, otherName] = [one, other].map((node) =>
    (node?.['column_names'] as readonly string[] | undefined)?.join('.'),
  );
  return name !== undefined && name === otherName;
}

function limitReasons(node: SqlNode, idColumn: string): string[] {
  const modifiers = (node['modifiers'] ?? []) as readonly SqlNode[];
  if (!Array.isArray(modifiers) || isOrdered(ordersOf(node), node, idColumn)) return [];
  return modifiers.flatMap(({ type, distinct_on_targets: targets }) => {
    if (type?.startsWith('LIMIT')) return [`its LIMIT has no ORDER BY ${idColumn}`];
    const isOn = type === 'DISTINCT_MODIFIER' && Array.isArray(targets) && targets.length > 0;
    return isOn ? [`its DISTINCT ON has no ORDER BY ${idColumn}`] : [];
  });
}

interface OrderTerm {
  readonly expression?: SqlNode;
}

function ordersOf(node: SqlNode): readonly OrderTerm[] {
  const modifiers = (node['modifiers'] ?? []) as readonly (SqlNode & { orders?: readonly OrderTerm[] })[];
  if (!Array.isArray(modifiers)) return [];
  return modifiers.flatMap(({ type, orders }) => (type === 'ORDER_MODIFIER' ? (orders ?? []) : []));
}

/** The ids of a run are unique, so an order that contains them is total. `ORDER BY ALL` has every column. */
function isOrdered(orders: readonly OrderTerm[], node: SqlNode, idColumn: string): boolean {
  const isId = (expression: SqlNode | undefined): boolean => {
    const names = (expression?.['column_names'] ?? []) as readonly string[];
    return names.at(-1)?.toLowerCase() === idColumn.toLowerCase() || expression?.alias === idColumn;
  };
  const selected = (node['select_list'] ?? []) as readonly SqlNode[];
  return orders.some(({ expression }) => {
    if (expression?.type === 'STAR' || isId(expression)) return true;
    const position = (expression?.['value'] as { value?: unknown } | undefined)?.value;
    return typeof position === 'number' && isId(selected[position - 1]);
  });
}

function functionOf(node: SqlNode): string {
  const name = node['function_name'];
  return typeof name === 'string' ? name.toLowerCase() : '';
}
