import type { ErrorCode } from '../errors.ts';
import type { QueryFormat } from '../result/encodings.ts';

/** A value of a named parameter. */
export type SqlParameter = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** Values of a query's named parameters: `year` stands for `$year`. */
export type SqlParameters = Readonly<Record<string, SqlParameter>>;

/** A statement that may be run once its session is locked. */
export interface LockedStatement {
  readonly sql: string;
  readonly parameters: SqlParameters;
  /** The only files that may be read. */
  readonly paths: readonly string[];
}

/** What the server asks of a query process. A session is open at most once; `start` and `copy` lock it. */
export type QueryRequest =
  | {
      readonly kind: 'open';
      readonly scratchDir: string;
      readonly threads: number;
      readonly memoryBytes: number;
      readonly spillBytes: number;
    }
  | { readonly kind: 'serialize'; readonly sql: string }
  | { readonly kind: 'run'; readonly sql: string }
  | ({ readonly kind: 'check' } & LockedStatement)
  | ({ readonly kind: 'start'; readonly format: QueryFormat } & LockedStatement)
  | { readonly kind: 'pull' }
  | ({ readonly kind: 'copy'; readonly path: string; readonly asTableTypes: boolean } & LockedStatement)
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'close' };

/** The next bytes of a result, with the rows so far; `undefined` at its end. */
export interface ResultPiece {
  readonly bytes: Uint8Array | undefined;
  readonly rowCount: number;
}

/** An answer of a query process to the request of that number. */
export type QueryReply = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly remedy?: string } }
);
