import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { ZipFile } from 'yazl';
import { z } from 'zod';
import { PixlakeError } from '../errors.ts';
import type { MadeImage, UnmadeImage } from '../run/process-one.ts';
import { createGate } from './concurrency.ts';
import { IMAGE_RESPONSE } from './formats.ts';
import { negotiate } from './media-types.ts';
import { PROCESSED } from './examples.ts';
import type { PlaceHider } from './hide-places.ts';
import { PROBLEMS } from './problem.ts';
import { processBody, processQuery, readProcessRequest } from './process-request.ts';
import { checkPlaces } from './check-places.ts';
import type { App, ServerContext } from './server-context.ts';
import { SERVER_LIMITS } from './server-options.ts';

const numbers = z.array(z.number());

const processed = z
  .object({
    id: z.string(),
    copy: z.int(),
    image: z
      .object({
        format: z.string(),
        width: z.int(),
        height: z.int(),
        sizeBytes: z.int(),
        original: z.object({ width: z.int(), height: z.int(), sha256: z.string() }),
        drawn: z.record(z.string(), z.unknown()).describe('the drawn parameters of the transform'),
      })
      .nullable(),
    predictions: z.array(
      z.object({
        column: z.string(),
        labels: z.array(z.string()).optional(),
        scores: numbers.optional(),
        allScores: numbers.optional(),
        values: numbers.optional().describe('an embedding'),
      }),
    ),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'ProcessedImage', examples: [PROCESSED] });

type Outcome = MadeImage | UnmadeImage;

/** `POST /v1/process`: transforms and labels single images, without a run. */
export function addProcessRoute(app: App, context: ServerContext): void {
  const { lakehouse, metrics, places } = context;
  const gate = createGate(SERVER_LIMITS.imageRequestsAtOnce);
  for (const mediaType of [/^image\//u, 'application/octet-stream']) {
    app.addContentTypeParser(
      mediaType,
      { parseAs: 'buffer', bodyLimit: SERVER_LIMITS.imageBytes },
      (_request, body, done) => done(null, body),
    );
  }
  app.post(
    '/v1/process',
    {
      bodyLimit: SERVER_LIMITS.uploadBytes,
      config: { scope: 'run' },
      schema: {
        tags: ['images'],
        operationId: 'processImages',
        summary: 'Transform and label single images',
        description:
          'Takes an image as the body, a form with one or many images and a JSON field `spec`, or JSON that names images of the lake. A specification is nested as that of a run. Single options in the query string are flat, as on the command line, and override it. The response is the image if there is one, a zip of all images, or JSON with the predictions of the model. The Accept header decides.',
        querystring: processQuery,
        body: { content: { 'application/json': { schema: processBody } } },
        response: {
          200: {
            description: 'The images, or JSON that describes them.',
            content: {
              ...IMAGE_RESPONSE.content,
              'application/zip': { schema: z.string().describe('the images and manifest.json') },
              'application/json': { schema: z.array(processed) },
            },
          },
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) =>
      gate(async () => {
        const { sources, missing, spec } = await readProcessRequest(lakehouse, request, request.query);
        checkPlaces(spec, []);
        const outcomes = [...(await lakehouse.images.process(sources, spec)), ...missing];
        const failedCount = outcomes.filter((outcome) => 'error' in outcome).length;
        metrics.countImages('failed', failedCount);
        metrics.countImages('made', outcomes.length - failedCount);
        return send(reply, outcomes, spec.transform?.format ?? 'jpeg', request.headers.accept, places);
      }),
  );
}

function send(
  reply: FastifyReply,
  outcomes: readonly Outcome[],
  format: string,
  accept: string | undefined,
  places: PlaceHider,
): FastifyReply {
  const [only, ...others] = outcomes;
  const isOne = only !== undefined && others.length === 0;
  const several = { zip: 'application/zip', json: 'application/json' };
  const wanted = isOne
    ? negotiate(accept, { image: `image/${format}`, ...several })
    : negotiate(accept, several);
  if (isOne && 'error' in only) {
    const { code, message, remedy } = only.error;
    throw new PixlakeError(code, message, remedy === undefined ? {} : { remedy });
  }
  reply.header('vary', 'accept').header('cache-control', 'no-store');
  if (wanted === 'json') return reply.send(outcomes.map((outcome) => describe(outcome, format, places)));
  if (wanted === 'zip') return reply.type('application/zip').send(zip(outcomes, format, places));
  return reply
    .type(`image/${format}`)
    .send(isOne && 'bytes' in only ? toBuffer(only.bytes) : Buffer.alloc(0));
}

function describe(outcome: Outcome, format: string, places: PlaceHider): z.output<typeof processed> {
  const { id, copy } = outcome;
  if ('error' in outcome) {
    const { code, message } = outcome.error;
    return { id, copy, image: null, predictions: [], error: { code, message: places.text(message) } };
  }
  const { bytes, width, height, original, drawn } = outcome;
  return {
    id,
    copy,
    image: { format, width, height, sizeBytes: bytes.length, original, drawn: { ...drawn } },
    predictions: outcome.predictions.map(({ kind: _kind, ...prediction }) => ({
      ...prediction,
      ...('labels' in prediction ? { labels: [...prediction.labels], scores: [...prediction.scores] } : {}),
      ...('values' in prediction ? { values: [...prediction.values] } : {}),
    })) as z.output<typeof processed>['predictions'],
    error: null,
  };
}

const ENDINGS: Readonly<Record<string, string>> = { jpeg: 'jpg' };

/** Images are already compressed, so they are stored. Names are made here, because names of clients may contain `..`. */
function zip(outcomes: readonly Outcome[], format: string, places: PlaceHider): Readable {
  const archive = new ZipFile();
  const rows = outcomes.map((outcome, index) => {
    const row = describe(outcome, format, places);
    if ('error' in outcome) return { ...row, file: null };
    const number = String(index).padStart(3, '0');
    const stem = outcome.id.replaceAll(/[^\w-]/gu, '_').slice(0, 64);
    const file = `${number}-${stem}-${outcome.copy}.${ENDINGS[format] ?? format}`;
    archive.addBuffer(toBuffer(outcome.bytes), file, { compress: false });
    return { ...row, file };
  });
  archive.addBuffer(Buffer.from(`${JSON.stringify(rows, null, 2)}\n`), 'manifest.json');
  archive.end();
  return Readable.from(archive.outputStream);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
