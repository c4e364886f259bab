import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS, type ErrorCode, PixlakeError, messageOf } from '../errors.ts';
import { PROBLEM } from './examples.ts';
import { hidePaths } from './hide-places.ts';

/** An error over REST: RFC 9457 (https://www.rfc-editor.org/rfc/rfc9457), with a code and a remedy. */
export const problemSchema = z
  .object({
    type: z.string().describe('`urn:pixlake:` followed by the code'),
    title: z.string().describe('the meaning of the code'),
    status: z.int(),
    detail: z.string().describe('what happened in this request'),
    code: z.string().describe('stable; src/errors.md lists all codes'),
    remedy: z.string().optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem', examples: [PROBLEM] });

/** Responses of every route. */
export const PROBLEMS = {
  '4xx': {
    description: 'The request is wrong or refused.',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
  '5xx': {
    description: 'The server failed or is busy (503).',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
};

/** Errors of Fastify itself. */
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

/** Codes that are not failures of the server, whatever their status. */
const EXPECTED: ReadonlySet<ErrorCode> = new Set(['SERVER_BUSY', 'INTERRUPTED']);

/** How the problems of a server are told. */
export interface ProblemOptions {
  /** Called for every problem. */
  readonly onProblem: (code: ErrorCode) => void;
  /** Removes places of the server from a message. */
  readonly hide?: (message: string) => string;
}

/** Sends an error as a problem. Failures of the server are logged, and the client gets only the code. */
export function answerProblem(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  options: ProblemOptions,
): FastifyReply {
  const known = toKnown(error, request);
  if (known.status >= 500 && !EXPECTED.has(known.code))
    request.log.error({ err: error, code: known.code }, 'a request failed');
  options.onProblem(known.code);
  return sendProblem(request, reply, known, options);
}

/** Sends every error of a route as a problem. */
export function handleProblems(app: FastifyInstance, options: ProblemOptions): void {
  app.setErrorHandler((error: FastifyError, request, reply) => answerProblem(error, request, reply, options));
  app.setNotFoundHandler((request, reply) => {
    options.onProblem('ROUTE_NOT_FOUND');
    const error = new PixlakeError('ROUTE_NOT_FOUND', `${request.method} is not available at this path`, {
      remedy: 'GET /openapi.json lists all routes',
    });
    return sendProblem(request, reply, error, options);
  });
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: PixlakeError,
  { hide = hidePaths }: ProblemOptions,
): FastifyReply {
  const { code, status, message, remedy } = error;
  const { meaning } = ERRORS[code];
  // Failures of the server are for the operator, in the log.
  const detail = status === 500 ? meaning : hide(message);
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
        ...(remedy === undefined || status === 500 ? {} : { remedy: hide(remedy) }),
        requestId: request.id,
      }),
    );
}

/** Time for the rest of a body to arrive before the connection is cut. */
const HANG_UP_MS = 500;

/**
 * Discards the rest of a body that is too large. If the connection were cut at once, the client would not get the response. A client that sends
 * more than fits into this time is cut off.
 */
function hangUp({ raw }: FastifyRequest): void {
  raw.resume();
  setTimeout(() => {
    if (!raw.complete) raw.destroy();
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
    return new PixlakeError('INTERRUPTED', 'the client closed the connection', { cause: error });
  return new PixlakeError('INTERNAL_ERROR', messageOf(error), { cause: error });
}
