import { parse } from 'node:path';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PixlakeError, messageOf, toPixlakeError } from '../errors.ts';
import { TRANSFORM_FIELDS } from '../image/transform.ts';
import { parseField } from '../image/transforms/parse-field.ts';
import type { Lakehouse } from '../lakehouse.ts';
import type { ImageSource } from '../run/image-library.ts';
import type { UnmadeImage } from '../run/process-one.ts';
import { type ProcessSpec, processSpecSchema } from '../run/run-spec.ts';
import { transformFieldSchemas } from '../run/transform-schema.ts';
import { SERVER_LIMITS } from './server-options.ts';
import { tableParam } from './parameters.ts';

/** What to do, and to which images of the lake. */
export const processBody = processSpecSchema
  .extend({
    table: tableParam,
    ids: z
      .array(z.union([z.string().min(1).max(512), z.int()]))
      .min(1)
      .max(SERVER_LIMITS.images),
  })
  .meta({ id: 'Process' });

/** The fields of a transform as query parameters, which are text. */
const transformQuery: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  Object.entries(TRANSFORM_FIELDS).map(([name, field]) => [
    name,
    z.preprocess(
      (value) => (typeof value === 'string' ? parseField(field, value) : value),
      transformFieldSchemas[name as keyof typeof transformFieldSchemas].optional(),
    ),
  ]),
);

/** The same as query parameters, if the body is an image. */
export const processQuery = z.strictObject({
  id: z.string().max(512).optional().describe('seeds the draws, as the id of a row does in a run'),
  model: z.string().optional(),
  seed: z.coerce.number().optional(),
  copies: z.coerce.number().optional(),
  maxPixels: z.coerce.number().optional(),
  maxImageMemory: z.coerce.number().optional(),
  ...transformQuery,
});

/** The images of a request, the ids of unreadable images, and what to do. */
export interface ProcessRequest {
  readonly sources: readonly ImageSource[];
  readonly missing: readonly UnmadeImage[];
  readonly spec: ProcessSpec;
}

/**
 * Reads a request in any of its three forms: a form with files and an optional field `spec`, one image as the body, or JSON that names images
 * of the lake.
 *
 * @throws `REQUEST_INVALID`, `BODY_TOO_LARGE`, `TABLE_NOT_FOUND`
 */
export async function readProcessRequest(
  lakehouse: Lakehouse,
  request: FastifyRequest,
  query: z.output<typeof processQuery>,
): Promise<ProcessRequest> {
  if (request.isMultipart()) {
    return readForm(request, toSpec(query)).catch((error: unknown) => Promise.reject(toFormError(error)));
  }
  const { body } = request;
  const isEmpty = body === undefined || (Buffer.isBuffer(body) && body.length === 0);
  if (isEmpty) throw new PixlakeError('REQUEST_INVALID', 'the body is empty');
  if (Buffer.isBuffer(body)) {
    return { sources: [{ id: query.id ?? 'upload', bytes: body }], missing: [], spec: toSpec(query) };
  }
  const { table, ids, ...spec } = body as z.output<typeof processBody>;
  return readNamed(lakehouse, table, ids.map(String), spec);
}

async function readForm(request: FastifyRequest, fromQuery: ProcessSpec): Promise<ProcessRequest> {
  const sources: ImageSource[] = [];
  let spec = fromQuery;
  let sizeBytes = 0;
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      const bytes = await part.toBuffer();
      sizeBytes += bytes.length;
      if (sizeBytes > SERVER_LIMITS.uploadBytes)
        throw new PixlakeError(
          'BODY_TOO_LARGE',
          `the images have more than ${SERVER_LIMITS.uploadBytes} bytes in total`,
        );
      sources.push({ id: (parse(part.filename).name || `upload-${sources.length}`).slice(0, 512), bytes });
    } else if (part.fieldname === 'spec') spec = parseSpec(part.value);
    else
      throw new PixlakeError(
        'REQUEST_INVALID',
        `unknown field ${JSON.stringify(part.fieldname)}; only files and the field spec are allowed`,
      );
  }
  if (sources.length === 0) throw new PixlakeError('REQUEST_INVALID', 'the form contains no file');
  return { sources, missing: [], spec };
}

/** A malformed form is an error of the client, but the parser throws plain errors. */
function toFormError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof PixlakeError || code.startsWith('FST_')) return error;
  return new PixlakeError('REQUEST_INVALID', `the form cannot be read: ${messageOf(error)}`, {
    cause: error,
  });
}

function parseSpec(text: unknown): ProcessSpec {
  try {
    return processSpecSchema.parse(JSON.parse(String(text)));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw new PixlakeError('SPEC_INVALID', `spec: ${reason}`, { cause: error });
  }
}

async function readNamed(
  lakehouse: Lakehouse,
  table: string,
  ids: readonly string[],
  spec: ProcessSpec,
): Promise<ProcessRequest> {
  await lakehouse.tables.describe(table);
  const sources: ImageSource[] = [];
  const missing: UnmadeImage[] = [];
  for (const id of ids) {
    try {
      const { key } = await lakehouse.images.find(table, id);
      sources.push({ id, bytes: await lakehouse.images.read(key) });
    } catch (error) {
      const { code, message, remedy } = toPixlakeError(error);
      missing.push({ id, copy: 0, error: { code, message, remedy } });
    }
  }
  return { sources, missing, spec };
}

function toSpec(query: z.output<typeof processQuery>): ProcessSpec {
  const { id: _id, model, seed, copies, maxPixels, maxImageMemory, ...transform } = query;
  return {
    ...(model === undefined ? {} : { model }),
    ...(seed === undefined ? {} : { seed }),
    ...(copies === undefined ? {} : { copies }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
    ...(maxImageMemory === undefined ? {} : { maxImageMemory }),
    transform: Object.fromEntries(Object.entries(transform).filter(([, value]) => value !== undefined)),
  };
}
