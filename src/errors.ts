/** How one error code is reported: `status` over HTTP, `exitCode` by the CLI, `meaning` in the documentation. */
interface ErrorKind {
  readonly status: number;
  readonly exitCode: number;
  readonly meaning: string;
}

const USAGE = 2;
const INPUT = 3;
const CONFLICT = 4;
const STORAGE = 5;
const STOPPED = 130;
const INTERNAL = 70;

const kind = (status: number, exitCode: number, meaning: string): ErrorKind => ({
  status,
  exitCode,
  meaning,
});

/** Every code that pixlake can report. Codes are stable: scripts and clients may depend on them. */
export const ERRORS = {
  ARGUMENT_INVALID: kind(400, USAGE, 'an option or argument has a value that cannot be used'),
  SOURCE_NOT_FOUND: kind(
    404,
    INPUT,
    'the CSV file, image folder or tar archive to ingest does not exist or cannot be read',
  ),
  SOURCE_CHANGED: kind(409, INPUT, 'a file to ingest changed while it was read'),
  INGEST_EMPTY: kind(422, INPUT, 'no row of the source could be ingested, so nothing was committed'),
  TOO_MANY_ERRORS: kind(422, INPUT, 'more rows or images failed than the limit allows'),
  CSV_EMPTY: kind(422, INPUT, 'the CSV file is empty or has no header line'),
  CSV_NOT_TEXT: kind(422, INPUT, 'the CSV file is binary or not UTF-8'),
  CSV_HEADER_INVALID: kind(
    422,
    INPUT,
    'the CSV header has missing, repeated, empty or reserved column names',
  ),
  TAR_INVALID: kind(422, INPUT, 'the tar archive is damaged or not a tar archive'),
  LAKE_NOT_FOUND: kind(404, INPUT, 'the folder or prefix does not exist, or is not a lake'),
  LAKE_TOO_NEW: kind(
    409,
    CONFLICT,
    'a newer pixlake wrote the lake, in a layout that this one does not know',
  ),
  LAKE_FEATURE_UNSUPPORTED: kind(
    409,
    CONFLICT,
    'the lake uses a feature of a newer pixlake; the message names it',
  ),
  TABLE_NOT_FOUND: kind(404, INPUT, 'the lake has no table or run with that name'),
  TABLE_NAME_INVALID: kind(400, USAGE, 'a table or run name has characters that are not allowed'),
  TABLE_EXISTS: kind(409, CONFLICT, 'the lake already has a table with that name'),
  TABLE_IN_USE: kind(
    409,
    CONFLICT,
    'the table is read by an unfinished run or another table, or it is being dropped',
  ),
  TABLE_READ_ONLY: kind(
    409,
    CONFLICT,
    'the table is attached or the output of a run, which can only be read',
  ),
  TABLE_APPEND_ONLY: kind(409, CONFLICT, 'the table is append-only, and the change would remove rows'),
  TABLE_CORRUPT: kind(500, STORAGE, 'the log of a table lacks a version or has an entry that cannot be read'),
  TABLE_FEATURE_UNSUPPORTED: kind(
    422,
    INPUT,
    'a table needs a Delta Lake feature that pixlake does not support; the message names it',
  ),
  SCHEMA_MISMATCH: kind(409, CONFLICT, 'the incoming columns do not fit the schema of the existing table'),
  CONSTRAINT_VIOLATED: kind(422, INPUT, 'a row has a null or a value that the schema of its table forbids'),
  SNAPSHOT_NOT_FOUND: kind(404, INPUT, 'the table does not have that version, or no longer has it'),
  ROW_COUNT_MISMATCH: kind(500, STORAGE, 'the rows of a commit do not add up, so nothing was committed'),
  COMMIT_CONFLICT: kind(409, CONFLICT, 'another writer committed first and the changes overlap'),
  VERIFY_FAILED: kind(500, STORAGE, 'files of a table are missing or differ from what the log records'),
  SAVED_QUERY_NOT_FOUND: kind(404, INPUT, 'no saved query has that name, or the file does not exist'),
  SAVED_QUERY_INVALID: kind(422, INPUT, 'an SQL file has no title or declares its parameters wrongly'),
  SQL_EMPTY: kind(400, USAGE, 'the SQL contains no statement'),
  SQL_SYNTAX: kind(400, USAGE, 'the SQL cannot be parsed'),
  SQL_NOT_SELECT: kind(400, USAGE, 'the SQL is not a SELECT'),
  SQL_MULTIPLE_STATEMENTS: kind(400, USAGE, 'the SQL contains more than one statement'),
  SQL_FAILED: kind(422, INPUT, 'the SQL failed when it was bound or executed'),
  SQL_REFUSED: kind(400, USAGE, 'untrusted SQL uses a function, table or construct that is not allowed'),
  QUERY_TIMEOUT: kind(422, INPUT, 'a query took longer to compute than the server allows'),
  QUERY_OUT_OF_MEMORY: kind(422, INPUT, 'a query needs more memory or temporary disk than the server allows'),
  QUERY_CRASHED: kind(422, INPUT, 'the process of a query died, most likely because it ran out of memory'),
  RESULT_TOO_LARGE: kind(422, INPUT, 'a result has more rows or bytes than the server allows'),
  WORKER_TOO_SMALL: kind(
    503,
    INTERNAL,
    'an image within the limits needs more memory than this machine has for images',
  ),
  SERVER_BUSY: kind(503, INTERNAL, 'the server cannot take more requests at present'),
  SANDBOX_UNAVAILABLE: kind(
    501,
    INTERNAL,
    'query processes cannot be started, or cannot be confined as a public server requires',
  ),
  HTTPFS_UNAVAILABLE: kind(500, STORAGE, "DuckDB's httpfs extension is required and cannot be loaded"),
  SPEC_INVALID: kind(
    400,
    USAGE,
    'a run specification has unknown or missing fields, or fields of the wrong type',
  ),
  PLAN_EMPTY: kind(422, INPUT, 'the SQL of a run matched no rows'),
  PLAN_ID_MISSING: kind(422, INPUT, 'the SQL of a run does not return the id column'),
  PLAN_ID_DUPLICATE: kind(422, INPUT, 'the SQL of a run returns an id more than once, or a null id'),
  PLAN_SOURCE_MISSING: kind(422, INPUT, 'the SQL of a run gives no way to find the originals of its rows'),
  PLAN_CROP_INVALID: kind(
    422,
    INPUT,
    'the SQL of a run does not return a crop column, or returns one that is not a number',
  ),
  RUN_NAME_TAKEN: kind(409, CONFLICT, 'a run with that name exists and has another specification'),
  IDEMPOTENCY_KEY_REUSED: kind(409, CONFLICT, 'the Idempotency-Key was already used for another run'),
  RUN_UNFINISHED: kind(409, CONFLICT, 'the run has not finished, so it has no manifest yet'),
  RUN_IN_USE: kind(409, CONFLICT, 'the run may be in progress, so it cannot be deleted'),
  RUN_REMOVED: kind(
    409,
    CONFLICT,
    'the deletion of the run was interrupted; `pixlake runs delete` finishes it',
  ),
  RUN_CORRUPT: kind(
    500,
    STORAGE,
    "a run's specification, plan, marker or part is damaged, or the counts do not add up",
  ),
  RUN_TOO_OLD: kind(409, CONFLICT, 'an older pixlake wrote the run, in a layout that is no longer read'),
  RUN_FAILED: kind(422, INPUT, 'every image of a run failed'),
  RUN_NOT_FOUND: kind(404, INPUT, 'the lake has no run with that name or id'),
  INTERRUPTED: kind(503, STOPPED, 'the work was stopped before it was done; the same command resumes it'),
  RUN_CANCELLED: kind(409, CONFLICT, 'the run was cancelled; `pixlake runs resume` resumes it'),
  SHARD_FAILED: kind(500, INTERNAL, 'a shard failed repeatedly, so the run cannot be committed'),
  MODEL_NOT_FOUND: kind(404, INPUT, 'no model has that name, or the file does not exist'),
  MODEL_EXISTS: kind(409, CONFLICT, 'the lake already has another model with that name'),
  MODEL_IN_USE: kind(409, CONFLICT, 'the model cannot be removed while an unfinished run uses it'),
  MODEL_CARD_INVALID: kind(
    422,
    INPUT,
    'a model card has unknown or missing fields, or fields of the wrong type',
  ),
  CHECKPOINT_INVALID: kind(
    422,
    INPUT,
    'a torch checkpoint is damaged, has an old format, or holds something other than the weights of its network',
  ),
  MODEL_MISMATCH: kind(422, INPUT, 'the inputs, outputs or checksum of a model differ from its card'),
  MODEL_FAILED: kind(500, INTERNAL, 'a model could not be loaded or failed on a batch'),
  MODEL_RUNTIME_MISSING: kind(501, INTERNAL, 'models need onnxruntime-node, which is not installed'),
  DEVICE_UNAVAILABLE: kind(501, INTERNAL, 'models cannot run on the requested device'),
  IMAGE_MISSING: kind(404, INPUT, 'an original is not in the lake'),
  IMAGE_EMPTY: kind(422, INPUT, 'an image file has zero bytes'),
  IMAGE_CORRUPT: kind(422, INPUT, 'an image file is cut off or its pixels cannot be decoded'),
  IMAGE_TOO_LARGE: kind(413, INPUT, 'an image has more bytes or pixels than the limit'),
  IMAGE_UNSUPPORTED: kind(415, INPUT, 'a file is not an image in a known format'),
  CROP_INVALID: kind(422, INPUT, 'a crop box has a null, no area, or lies outside of its image'),
  IMAGE_CHANGED: kind(409, CONFLICT, 'an original no longer has the bytes that its row records'),
  OBJECT_NOT_FOUND: kind(404, STORAGE, 'an object that a table or run refers to does not exist'),
  OBJECT_KEY_INVALID: kind(400, USAGE, 'an object key is empty, absolute or leads out of the lake'),
  BUCKET_NOT_FOUND: kind(404, STORAGE, 'the S3 server has no bucket with that name'),
  STORAGE_NOT_ATOMIC: kind(
    501,
    STORAGE,
    'the S3 server does not support conditional writes, so commits there would not be safe',
  ),
  STORAGE_FULL: kind(507, STORAGE, 'the disk or quota is full'),
  STORAGE_DENIED: kind(403, STORAGE, 'the operating system or object store denied access'),
  STORAGE_FAILED: kind(500, STORAGE, 'reading or writing the object store failed'),
  OUTPUT_FAILED: kind(500, STORAGE, 'the result could not be written to the requested place'),
  REQUEST_INVALID: kind(400, USAGE, 'a request has unknown or missing fields, or fields of the wrong type'),
  ROUTE_NOT_FOUND: kind(404, USAGE, 'the server has no such route'),
  UNAUTHENTICATED: kind(401, USAGE, 'the request has no API key, or its key is not valid'),
  SCOPE_MISSING: kind(403, USAGE, 'the scope of the API key does not allow the request'),
  HOST_REFUSED: kind(
    403,
    USAGE,
    'a server without API keys was called under the name of another machine, or by a page of another site',
  ),
  CURSOR_INVALID: kind(400, USAGE, 'a cursor is damaged, or belongs to another list'),
  NOT_ACCEPTABLE: kind(406, USAGE, 'none of the formats in the Accept header is available'),
  RANGE_INVALID: kind(416, USAGE, 'the Range header asks for bytes beyond the end'),
  BODY_TOO_LARGE: kind(
    413,
    USAGE,
    'the body of a request, or a part of it, is larger than the server allows',
  ),
  MEDIA_TYPE_UNSUPPORTED: kind(415, USAGE, 'the route does not accept a body of that type'),
  RATE_LIMITED: kind(429, INTERNAL, 'a client sends more requests than it may'),
  API_KEYS_INVALID: kind(500, INPUT, 'the file of API keys is missing or cannot be read'),
  API_KEY_NOT_FOUND: kind(404, INPUT, 'the file has no API key with that id'),
  INTERNAL_ERROR: kind(500, INTERNAL, 'a bug in pixlake'),
} as const satisfies Record<string, ErrorKind>;

/** A stable error code; see {@link ERRORS} for its meaning, HTTP status and exit code. */
export type ErrorCode = keyof typeof ERRORS;

/** The one error class of pixlake: `message` names the input and the cause, `remedy` what to do about it. */
export class PixlakeError extends Error {
  override readonly name = 'PixlakeError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }
}

/** The message of anything that was thrown, to be used in another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Wraps anything that was thrown as a {@link PixlakeError}; those pass through unchanged. */
export function toPixlakeError(error: unknown, code: ErrorCode = 'INTERNAL_ERROR'): PixlakeError {
  return error instanceof PixlakeError ? error : new PixlakeError(code, messageOf(error), { cause: error });
}
