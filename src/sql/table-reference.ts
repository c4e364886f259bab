import { type AsOf, describeAsOf } from '../table/as-of.ts';
import { quoteName, quoteText } from './sql-text.ts';

/** A table named in a query. `schema` is empty for the lake's tables and `runs` for outputs of runs. */
export interface TableReference {
  readonly schema: string;
  readonly name: string;
  /** The version, if the query names one; otherwise the newest. */
  readonly asOf?: AsOf;
}

/** Schema of the outputs of runs: `FROM runs."men-shoes"`. */
export const RUNS_SCHEMA = 'runs';

/** Schema of the images that runs could not write: `FROM errors."men-shoes"`. */
export const ERRORS_SCHEMA = 'errors';

/** Whether a schema in lower case is one that pixlake defines. */
export function isRunSchema(schema: string): boolean {
  return schema === RUNS_SCHEMA || schema === ERRORS_SCHEMA;
}

/** Parses the name of a table on a command line: `images`, `runs.men`, `runs."men-shoes"`, `errors.men`. */
export function parseTableName(text: string): TableReference {
  const name = text.replaceAll('"', '');
  const [schema = ''] = name.split('.', 1);
  return isRunSchema(schema) && name.length > schema.length
    ? { schema, name: name.slice(schema.length + 1) }
    : { schema: '', name };
}

/** Words that cannot name a table in DuckDB's grammar; `duckdb_keywords()` calls them reserved or type_function. */
const RESERVED_WORDS = new Set(
  `all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate
  collation column concurrently constraint create cross default deferrable desc describe distinct do else end except
  false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is isnull join
  lambda lateral leading left like limit natural not notnull null offset on only or order outer overlaps pivot
  pivot_longer pivot_wider placing positional primary qualify references returning right select semi show similar some
  summarize symmetric table tablesample then to trailing true union unique unpack unpivot using variadic verbose when
  where window with`.split(/\s+/u),
);

/** The name of a table as it is written in SQL. */
export function sqlNameOf({ schema, name, asOf }: TableReference): string {
  const isPlain = /^[a-z_][a-z0-9_]*$/iu.test(name) && !RESERVED_WORDS.has(name.toLowerCase());
  const plain = isPlain ? name : quoteName(name);
  const qualified = schema === '' ? plain : `${schema}.${plain}`;
  if (asOf === undefined) return qualified;
  const time = asOf.kind === 'time' ? `TIMESTAMP => ${quoteText(describeAsOf(asOf))}` : '';
  return asOf.kind === 'version' ? `${qualified}@v${asOf.version}` : `${qualified} AT (${time})`;
}
