import type { ErrorCode } from '../errors.ts';
import type { QueryFormat } from '../result/query-formats.ts';

/** A value of a named parameter. */
export type SqlParameter = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** Values of a query's named parameters: `year` is the value of `$year`. */
export type SqlParameters = Readonly<Record<string, SqlParameter>>;

/** A statement that runs after its session is locked. */
export interface LockedStatement {
  readonly sql: string;
  readonly parameters: SqlParameters;
  /** The only files that it may read. */
  readonly paths: readonly string[];
}

/** Requests of the server to a query process. At most one session is open; `check`, `start` and `copy` lock it. */
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

/** The next bytes of a result (`undefined` at the end), and the number of rows so far. */
export interface ResultPiece {
  readonly bytes: Uint8Array | undefined;
  readonly rowCount: number;
}

/** The reply of a query process to the request with this number. */
export type QueryReply = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly remedy?: string } }
);
