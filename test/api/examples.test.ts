import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  MANIFEST_ROW,
  MODEL,
  PROBLEM,
  PROCESS,
  PROCESSED,
  QUERY,
  RETRY_FILTER,
  ROWS,
  RUN,
  RUN_SPEC,
  TABLE,
  TABLE_COLUMNS,
  TABLE_VERSION,
} from '../../src/api/examples.ts';
import { pixlakeJson } from '../support/pixlake.ts';
import { finished, startServer, type TestServer } from './server-fixture.ts';

type Json = Readonly<Record<string, unknown>>;

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Json; readonly example?: unknown }>>;
}

interface Operation {
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

let folder: string;
let where: TestServer;
let api: Description;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-examples-'));
  const lake = join(folder, 'lake');
  await pixlakeJson(lake, 'sample', join(folder, 'catalogue'), '--rows', '600');
  await pixlakeJson(lake, 'ingest', join(folder, 'catalogue'));
  // In a process of its own: Zod knows schemas by their names in the whole process, in which other tests load the sources as well.
  where = await startServer(lake);
  api = (await (await where.get('/openapi.json')).json()) as Description;
});

afterAll(async () => {
  await where.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

interface Shown {
  /** JSON pointer of a schema. */
  readonly pointer: string;
  readonly examples: readonly unknown[];
}

const escape = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

/** All schemas of the description with their examples, of which some stand beside the schema of a body. */
function withExamples(node: unknown, pointer = ''): Shown[] {
  if (typeof node !== 'object' || node === null) return [];
  const { examples, example } = node as { examples?: unknown; example?: unknown };
  const below = Object.entries(node).filter(([key]) => key !== 'examples' && key !== 'example');
  return [
    ...(Array.isArray(examples) ? [{ pointer, examples: examples as unknown[] }] : []),
    ...(example === undefined ? [] : [{ pointer: `${pointer}/schema`, examples: [example] }]),
    ...below.flatMap(([key, child]) => withExamples(child, `${pointer}/${escape(key)}`)),
  ];
}

/** The bodies in JSON that the description of an operation has without an example. */
function bareBodies({ requestBody, responses }: Operation): string[] {
  return [['request', requestBody] as const, ...Object.entries(responses)].flatMap(([name, body]) =>
    Object.entries(body?.content ?? {})
      .filter(([mediaType]) => /\bjson$/u.test(mediaType))
      .flatMap(([, { schema, example }]) => (example === undefined && !isShown(schema) ? [name] : [])),
  );
}

/** Whether a schema has an example, or what it names or consists of. */
function isShown(schema: Json): boolean {
  const {
    $ref: reference,
    anyOf = [],
    items,
    examples,
  } = schema as {
    $ref?: string;
    anyOf?: Json[];
    items?: Json;
    examples?: unknown;
  };
  const named = api.components.schemas[reference?.split('/').at(-1) ?? ''];
  const parts = [named, items, ...anyOf].filter((part) => part !== undefined);
  return examples !== undefined || parts.some(isShown);
}

describe('the OpenAPI description', () => {
  test('has an example of every body in JSON, other than the state of the server', () => {
    const bare = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, operation]) =>
        bareBodies(operation).map((body) => `${method} ${path} ${body}`),
      ),
    );
    expect(bare).toEqual(['get /healthz 200', 'get /readyz 200', 'get /readyz 503']);
  });

  test('has examples that its schemas allow', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    ajv.addSchema(api, 'api');
    const found = withExamples(api);
    expect(found.length).toBeGreaterThan(15);
    const wrong = found.flatMap(({ pointer, examples }) => {
      const validate = ajv.compile({ $ref: `api#${pointer}` });
      return examples.filter((example) => !validate(example)).map(() => [pointer, validate.errors]);
    });
    expect(wrong).toEqual([]);
    // It would notice: a run needs SQL as well.
    expect(ajv.validate({ $ref: 'api#/components/schemas/RunSpecInput' }, { name: 'x' })).toBe(false);
  });
});

/** The fields of an example, in the order of their names, also within its objects. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value)
    .flatMap(([name, child]) => fieldsOf(child, `${path}.${name}`))
    .toSorted();
}

async function jsonOf<T>(response: Promise<Response>): Promise<T> {
  const answer = await response;
  if (answer.status >= 300) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

describe('the examples', () => {
  test('of queries, tables and models are what a server with the sample takes and gives', async () => {
    expect(await jsonOf(where.post('/v1/query', QUERY))).toEqual(ROWS);
    const tables = await jsonOf<{ items: Json[] }>(where.get('/v1/tables'));
    const { sizeBytes: _size, ...table } = TABLE;
    expect(tables.items[0]).toMatchObject(table);
    const described = await jsonOf<{ columns: Json[] }>(where.get('/v1/tables/images'));
    expect(described.columns).toEqual(expect.arrayContaining(TABLE_COLUMNS));
    const history = await jsonOf<{ items: Json[] }>(where.get('/v1/tables/images/history'));
    expect(history.items).toEqual([{ ...TABLE_VERSION, timestamp: expect.any(String) as string }]);
    const models = await jsonOf<{ items: Json[] }>(where.get('/v1/models'));
    expect(models.items).toContainEqual(
      expect.objectContaining({ ...MODEL, card: expect.any(Object) as object }),
    );
    expect(models.items.find(({ name }) => name === MODEL.name)?.['card']).toMatchObject(MODEL.card);
  });

  test('of runs are one that it carries out, whose first image is also made by itself', async () => {
    expect((await where.post('/v1/runs', RUN_SPEC)).status).toBe(202);
    const run = (await finished(where, RUN_SPEC.name)) as unknown as typeof RUN;
    const { submittedAt, startedAt, finishedAt, runId, output, model } = run;
    const told = { submittedAt, startedAt, finishedAt, runId, output, model };
    expect(run).toEqual({ ...RUN, ...told });
    expect(fieldsOf(run)).toEqual(fieldsOf(RUN));
    expect(output).toEqual({ ...RUN.output, folder: `runs/mens-shoes/run_id=${runId}` });
    const rows = await jsonOf<(typeof MANIFEST_ROW)[]>(where.get(RUN.links.manifest));
    const row = rows.find(({ image_id }) => image_id === MANIFEST_ROW.image_id);
    const known = { image_key: row?.image_key, image_url: row?.image_url, run_id: runId };
    const score = {
      pred_articleType_score: expect.closeTo(MANIFEST_ROW.pred_articleType_score, 2) as number,
    };
    expect(row).toMatchObject({ ...MANIFEST_ROW, ...known, ...score });
    expect((await where.post('/v1/runs/mens-shoes/retry', RETRY_FILTER)).status).toBe(202);

    const accept = { accept: 'application/json' };
    const [made] = await jsonOf<(typeof PROCESSED)[]>(where.post('/v1/process', PROCESS, accept));
    const { predictions: examples, ...image } = PROCESSED;
    expect(made).toMatchObject(image);
    const { column, labels } = examples[0] ?? {};
    expect(made?.predictions).toContainEqual(expect.objectContaining({ column, labels }));
    expect(row).toMatchObject({
      image_bytes: made?.image.sizeBytes,
      crop_width: made?.image.drawn.cropWidth,
    });
  });

  test('of problems are told so', async () => {
    const problem = (await (await where.get('/v1/tables/shoes')).json()) as typeof PROBLEM;
    const { requestId } = problem;
    expect(problem).toEqual({ ...PROBLEM, requestId });
  });
});
