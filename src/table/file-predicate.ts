/** A constant that column values are compared with; `timestamp` in ms since 1970 UTC, `date` as `YYYY-MM-DD`. */
export type Literal =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'date'; readonly value: string }
  | { readonly kind: 'timestamp'; readonly value: number };

/** How a column value is compared with a {@link Literal}. */
export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

/**
 * What is known about the wanted rows, in terms that file statistics can answer. `any` stands for every condition that statistics
 * cannot: it keeps all files.
 */
export type FilePredicate =
  | { readonly kind: 'any' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly FilePredicate[] }
  | {
      readonly kind: 'compare';
      readonly column: string;
      readonly comparison: Comparison;
      readonly literal: Literal;
    }
  | { readonly kind: 'isNull' | 'isNotNull'; readonly column: string }
  | { readonly kind: 'startsWith'; readonly column: string; readonly prefix: string };

/** All rows. */
export const ANY: FilePredicate = { kind: 'any' };

/** No rows. */
export const NONE: FilePredicate = { kind: 'none' };
