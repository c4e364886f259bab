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
import { PROCESS } from './examples.ts';
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
  .meta({ id: 'Process', examples: [PROCESS] });

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

/** Query parameters. As on the command line, single options are flat and override the specification. */
export const processQuery = z.strictObject({
  id: z
    .string()
    .max(512)
    .optional()
    .describe('seeds the draws of an image in the body, as the id of a row does in a run'),
  spec: z.string().optional().describe('JSON, such as {"transform": {"crop": 0.1}}, if the body is an image'),
  model: z.string().optional(),
  seed: z.coerce.number().optional(),
  copies: z.coerce.number().optional(),
  device: processSpecSchema.shape.device,
  maxPixels: z.coerce.number().optional(),
  maxImageMemory: z.coerce.number().optional(),
  ...transformQuery,
});

type ProcessQuery = z.output<typeof processQuery>;

/** The images of a request, the ids of unreadable images, and what to do. */
export interface ProcessRequest {
  readonly sources: readonly ImageSource[];
  readonly missing: readonly UnmadeImage[];
  readonly spec: ProcessSpec;
}

/**
 * Reads a request in any of its three forms: a form with files and an optional field `spec`, one image as the body and an optional `spec` in the
 * query string, or JSON that names images of the lake. A specification is nested as that of a run; single options in the query string are flat
 * and override it.
 *
 * @throws `REQUEST_INVALID`, `BODY_TOO_LARGE`, `TABLE_NOT_FOUND`
 */
export async function readProcessRequest(
  lakehouse: Lakehouse,
  request: FastifyRequest,
  query: ProcessQuery,
): Promise<ProcessRequest> {
  const { id, spec: specText, ...options } = query;
  const { body } = request;
  if (request.isMultipart() || (body !== undefined && !Buffer.isBuffer(body))) checkOnlyOptions(query);
  if (request.isMultipart())
    return readForm(request, options).catch((error: unknown) => Promise.reject(toFormError(error)));
  const isEmpty = body === undefined || (Buffer.isBuffer(body) && body.length === 0);
  if (isEmpty) throw new PixlakeError('REQUEST_INVALID', 'the body is empty');
  if (Buffer.isBuffer(body)) {
    const spec = specText === undefined ? {} : parseSpec(specText);
    return { sources: [{ id: id ?? 'upload', bytes: body }], missing: [], spec: override(spec, options) };
  }
  const { table, ids, ...spec } = body as z.output<typeof processBody>;
  return readNamed(lakehouse, table, ids.map(String), override(spec, options));
}

/** `id` and `spec` describe an image in the body. Beside another body they would be ignored. */
function checkOnlyOptions({ id, spec }: ProcessQuery): void {
  const given = [id === undefined ? [] : 'id', spec === undefined ? [] : 'spec'].flat();
  if (given.length === 0) return;
  throw new PixlakeError(
    'REQUEST_INVALID',
    `${given.join(' and ')} in the query string: only allowed if the body is an image`,
    { remedy: 'put ids and the specification into the body' },
  );
}

async function readForm(
  request: FastifyRequest,
  options: Omit<ProcessQuery, 'id' | 'spec'>,
): Promise<ProcessRequest> {
  const sources: ImageSource[] = [];
  let spec: ProcessSpec = {};
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
  return { sources, missing: [], spec: override(spec, options) };
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

/** Options override single fields of a specification. */
function override(spec: ProcessSpec, options: Omit<ProcessQuery, 'id' | 'spec'>): ProcessSpec {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const isTransform = ([name]: readonly [string, unknown]): boolean => name in TRANSFORM_FIELDS;
  return {
    ...spec,
    ...Object.fromEntries(given.filter((entry) => !isTransform(entry))),
    transform: { ...spec.transform, ...Object.fromEntries(given.filter(isTransform)) },
  };
}
