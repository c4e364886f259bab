import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import { FITS } from '../image/transforms/resize.ts';
import { createGate } from './concurrency.ts';
import { PROBLEMS } from './problem.ts';
import { parseRange } from './byte-range.ts';
import type { App, ServerContext } from './server-context.ts';
import { SERVER_LIMITS } from './server-options.ts';
import { tableParam } from './parameters.ts';
import { IMAGE_RESPONSE } from './formats.ts';

const side = z.coerce.number().int().min(1).max(SERVER_LIMITS.shownPixels);

const shownSize = z.strictObject({
  w: side.optional().describe('width in pixels'),
  h: side.optional().describe('height in pixels'),
  fit: z.enum(FITS).default('inside').describe('how to fill the box of w and h'),
});

const RESPONSES = {
  200: IMAGE_RESPONSE,
  206: { description: 'A range of its bytes.', content: { 'image/*': { schema: z.string() } } },
  304: z.null().describe('The client already has this image.'),
  ...PROBLEMS,
};

const IMMUTABLE = 'private, max-age=31536000, immutable';
const REVALIDATED = 'private, max-age=60';

/** Keys of images that runs have written. No other files of a run are served here. */
const RUN_IMAGE_KEY =
  /^runs\/(?<run>[^/]+)\/run_id=[0-9a-f]{16}\/(?:retries\/\d+\/)?images\/[0-9a-f]{2}\/\d{5,}\/[^/]+$/u;

const FORMAT_OF_ENDING: Readonly<Record<string, string>> = {
  jpg: 'jpeg',
  webp: 'webp',
  png: 'png',
  avif: 'avif',
};

/** Formats that browsers may show. Others are downloads. */
const SHOWN_FORMATS = new Set(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff']);

interface ServedImage {
  readonly key: string;
  readonly etag: string;
  readonly format: string | null;
  readonly cacheControl: string;
}

/** Images of tables and runs, unchanged or resized for display. */
export function addImageRoutes(app: App, context: ServerContext): void {
  const { lakehouse } = context;
  const gate = createGate(SERVER_LIMITS.imageRequestsAtOnce);
  app.get(
    '/v1/tables/:table/images/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['tables'],
        operationId: 'getTableImage',
        summary: 'Get the image of a row',
        description:
          'The bytes that were ingested or written. With `w` or `h`, the image is resized and sent as JPEG.',
        params: z.object({ table: tableParam, id: z.string().min(1).max(512) }),
        querystring: shownSize,
        response: RESPONSES,
      },
    },
    async (request, reply) => {
      const { table, id } = request.params;
      const { key, sha256, format } = await gate(() => lakehouse.images.find(table, id));
      const image = { key, format, etag: sha256 ?? key, cacheControl: REVALIDATED };
      return sendImage(context, request, reply, image, request.query, gate);
    },
  );

  app.get(
    '/v1/runs/:id/images/*',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['runs'],
        operationId: 'getRunImage',
        summary: 'Get an image of a run by its image_key in the manifest',
        params: z.object({ id: z.string().min(1).max(64), '*': z.string().max(1024) }),
        querystring: shownSize,
        response: RESPONSES,
      },
    },
    async (request, reply) => {
      const { id, '*': key } = request.params;
      if (RUN_IMAGE_KEY.exec(key)?.groups?.['run'] !== id)
        throw new PixlakeError('IMAGE_MISSING', `run ${id} has no image with that key`, {
          remedy: 'use an image_key of its manifest',
        });
      const format = FORMAT_OF_ENDING[key.slice(key.lastIndexOf('.') + 1)] ?? null;
      const image = { key, format, etag: key, cacheControl: IMMUTABLE };
      return sendImage(context, request, reply, image, request.query, gate);
    },
  );
}

async function sendImage(
  { lakehouse: { images }, metrics }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  image: ServedImage,
  { w: width, h: height, fit }: z.output<typeof shownSize>,
  gate: ReturnType<typeof createGate>,
): Promise<FastifyReply> {
  const { key, cacheControl } = image;
  const isResized = width !== undefined || height !== undefined;
  const shown = isResized ? `-${width ?? ''}x${height ?? ''}-${fit}` : '';
  const etag = `"${Buffer.from(image.etag + shown).toString('base64url')}"`;
  reply.header('etag', etag).header('cache-control', cacheControl);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  const entry = await images.stat(key);
  if (entry === undefined) throw new PixlakeError('IMAGE_MISSING', 'the image no longer exists in the lake');
  if (isResized) {
    const size = {
      fit,
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
    };
    const bytes = await gate(async () => images.resize(await images.read(key), size));
    metrics.countBytes('image', bytes.length);
    return reply.type('image/jpeg').send(bytes);
  }
  const { sizeBytes } = entry;
  const isShown = image.format !== null && SHOWN_FORMATS.has(image.format);
  reply.type(isShown ? `image/${image.format}` : 'application/octet-stream').header('accept-ranges', 'bytes');
  if (!isShown) reply.header('content-disposition', 'attachment');
  const range =
    request.headers['if-range'] === undefined ? parseRange(request.headers.range, sizeBytes) : undefined;
  const bytes = await images.read(key, range);
  metrics.countBytes('image', bytes.length);
  if (range === undefined) return reply.send(bytes);
  const last = range.start + range.length - 1;
  return reply.code(206).header('content-range', `bytes ${range.start}-${last}/${sizeBytes}`).send(bytes);
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//u, '') === etag);
}
