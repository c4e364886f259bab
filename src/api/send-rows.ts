import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toPixlakeError } from '../errors.ts';
import type { SqlParameters } from '../sandbox/query-messages.ts';
import { SANDBOX_FORMATS, type SandboxResult } from '../sandbox/query-sandbox.ts';
import { MEDIA_TYPES } from './formats.ts';
import { negotiate } from './media-types.ts';
import type { ServerContext } from './server-context.ts';

/** A query of a route. */
export interface RowsRequest {
  readonly sql: string;
  readonly parameters?: SqlParameters | undefined;
  readonly at?: string | undefined;
  readonly limit?: number | undefined;
  readonly format?: (typeof SANDBOX_FORMATS)[number] | undefined;
}

/** Runs a query in the sandbox and streams its rows as fast as the client reads them. If the client disconnects, the query ends. */
export async function sendRows(
  { sandbox, metrics }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { format: wanted, sql, parameters, at, limit }: RowsRequest,
): Promise<FastifyReply> {
  const format = wanted ?? negotiate(request.headers.accept, MEDIA_TYPES);
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const result = await sandbox.query({
    sql,
    format,
    signal: gone.signal,
    ...(parameters === undefined ? {} : { parameters }),
    ...(at === undefined ? {} : { at }),
    ...(limit === undefined ? {} : { limit }),
  });
  const versions = result.tables.map(
    ({ reference: { schema, name }, snapshot }) =>
      `${schema === '' ? '' : `${schema}.`}${name}@v${snapshot.version}`,
  );
  reply.header('pixlake-tables', versions.join(', ')).header('vary', 'accept').type(MEDIA_TYPES[format]);
  const body = Readable.from(
    read(result, (byteCount) => metrics.countBytes('query', byteCount)),
    {
      objectMode: false,
    },
  );
  // Only the code is logged, because messages about SQL may quote it.
  body.on('error', (error) => request.log.info({ code: toPixlakeError(error).code }, 'a result ended early'));
  return reply.send(body);
}

async function* read(
  result: SandboxResult,
  onBytes: (byteCount: number) => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of result.bytes) {
      onBytes(bytes.length);
      yield bytes;
    }
  } finally {
    // The response does not wait until the process is ready for the next query.
    void result[Symbol.asyncDispose]();
  }
}
