import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS, type ErrorCode, PixlakeError, messageOf } from '../errors.ts';

/** An error as REST gives it: RFC 9457 (https://www.rfc-editor.org/rfc/rfc9457), with our code and remedy. */
export const problemSchema = z
  .object({
    type: z.string().describe('`urn:pixlake:` and the code'),
    title: z.string().describe('what the code means'),
    status: z.int(),
    detail: z.string().describe('what went wrong this time'),
    code: z.string().describe('stable; the README lists all'),
    remedy: z.string().optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' });

/** Responses that every route may give. */
export const PROBLEMS = {
  '4xx': {
    description: 'The request cannot be served as it is.',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
  '5xx': {
    description: 'The server failed, or is busy (503).',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
};

/** What Fastify itself refuses. */
const CODE_OF_FASTIFY: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_REQ_FILE_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_FILES_LIMIT: 'BODY_TOO_LARGE',
  FST_PARTS_LIMIT: 'BODY_TOO_LARGE',
  FST_FIELDS_LIMIT: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_EMPTY_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_RATE_LIMIT: 'RATE_LIMITED',
};

/** What is no fault of the server, whatever its status. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set(['SERVER_BUSY', 'INTERRUPTED']);

/** Told of every problem that is answered. */
export type OnProblem = (code: ErrorCode) => void;

/** Answers an error as a problem. What the server itself got wrong is logged, and the client learns no more than the code. */
export function answerProblem(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  onProblem: OnProblem,
): FastifyReply {
  const known = toKnown(error, request);
  if (known.status >= 500 && !EXPECTED.has(known.code))
    request.log.error({ err: error, code: known.code }, 'a request failed');
  onProblem(known.code);
  return sendProblem(request, reply, known);
}

/** Has every error that a route throws answered as a problem. */
export function handleProblems(app: FastifyInstance, onProblem: OnProblem): void {
  app.setErrorHandler((error: FastifyError, request, reply) =>
    answerProblem(error, request, reply, onProblem),
  );
  app.setNotFoundHandler((request, reply) => {
    onProblem('ROUTE_NOT_FOUND');
    const error = new PixlakeError('ROUTE_NOT_FOUND', `there is no ${request.method} of this path`, {
      remedy: 'GET /openapi.json lists all routes',
    });
    return sendProblem(request, reply, error);
  });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, error: PixlakeError): FastifyReply {
  const { code, status, message, remedy } = error;
  const { meaning } = ERRORS[code];
  // What the server got wrong is the operator's to read, in the log.
  const detail = status === 500 ? meaning : hidePaths(message);
  if (status === 413) hangUp(request);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503 || (status === 429 && !reply.hasHeader('retry-after'))) reply.header('retry-after', '1');
  return reply
    .code(status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: `urn:pixlake:${code}`,
        title: meaning,
        status,
        detail,
        code,
        ...(remedy === undefined || status === 500 ? {} : { remedy: hidePaths(remedy) }),
        requestId: request.id,
      }),
    );
}

/** Time that the rest of a body has to come before the connection is cut. */
const HANG_UP_MS = 500;

/**
 * What is left of a body that is too large is thrown away: cut at once, the connection would take the answer with it. A client that has more
 * than fits into a moment is cut off then.
 */
function hangUp({ raw }: FastifyRequest): void {
  raw.resume();
  setTimeout(() => {
    if (!raw.complete) raw.socket.destroy();
  }, HANG_UP_MS).unref();
}

function toKnown(error: FastifyError, request: FastifyRequest): PixlakeError {
  if (error instanceof PixlakeError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map(
      ({ instancePath, message }) =>
        `${instancePath.slice(1).replaceAll('/', '.') || error.validationContext}: ${message}`,
    );
    return new PixlakeError('REQUEST_INVALID', problems.join('; '), { cause: error });
  }
  const code = CODE_OF_FASTIFY[error.code];
  if (code !== undefined) return new PixlakeError(code, messageOf(error), { cause: error });
  const isTheirs = error.statusCode !== undefined && error.statusCode < 500;
  if (isTheirs) return new PixlakeError('REQUEST_INVALID', messageOf(error), { cause: error });
  if (request.raw.socket.destroyed)
    return new PixlakeError('INTERRUPTED', 'the client has gone', { cause: error });
  return new PixlakeError('INTERNAL_ERROR', messageOf(error), { cause: error });
}

/** Takes places of the server out of a message: absolute paths and URIs. */
export function hidePaths(message: string): string {
  return message
    .replaceAll(/\b(?:s3|https?|file):\/\/[^\s"'`,)\]]+/giu, '<uri>')
    .replaceAll(/(?<![\w.)\]<])\/(?:[^\s/"'`,:;)\]]+\/)+[^\s"'`,:;)\]]*/gu, '<path>');
}
