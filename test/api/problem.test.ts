import { type IncomingMessage, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { handleProblems } from '../../src/api/problem.ts';
import { type ErrorCode, PixlakeError } from '../../src/errors.ts';

describe('an answer to an error', () => {
  const codes: ErrorCode[] = [];
  const logged: unknown[] = [];
  let app: FastifyInstance;

  afterEach(async () => {
    vi.useRealTimers();
    codes.length = 0;
    logged.length = 0;
    await app.close();
  });

  const logger = {
    level: 'error',
    stream: {
      write: (line: string) => logged.push((JSON.parse(line) as { code: string; msg: string }).code),
    },
  };

  const make = (
    error: unknown,
    before: (reply: { header(name: string, value: string): void }) => void = () => undefined,
  ): void => {
    app = Fastify({ logger });
    app.setValidatorCompiler(validatorCompiler);
    app.setSerializerCompiler(serializerCompiler);
    handleProblems(app, { onProblem: (code) => codes.push(code) });
    app.get('/', async (_request, reply) => {
      before(reply);
      throw error;
    });
    app.post(
      '/',
      { schema: { body: z.strictObject({ a: z.object({ b: z.number() }), c: z.string() }) } },
      async () => '',
    );
  };

  const plain = Object.assign(new Error('it is broken in /srv/a/b'), { code: 'EIO' });

  test.each<[string, unknown, object, Record<string, string | undefined>, boolean]>([
    [
      'of the client',
      new PixlakeError('SPEC_INVALID', 'bad /srv/a/b', { remedy: 'look in /srv/a/c' }),
      { status: 400, code: 'SPEC_INVALID', detail: 'bad <path>', remedy: 'look in <path>' },
      { 'retry-after': undefined, 'www-authenticate': undefined },
      false,
    ],
    [
      'of the server, which keeps to itself what',
      new PixlakeError('STORAGE_FAILED', 'the disk /dev/a/b is broken', { remedy: 'buy one' }),
      { status: 500, code: 'STORAGE_FAILED', detail: 'reading or writing the object store failed' },
      {},
      true,
    ],
    [
      'that is none of pixlake',
      plain,
      { status: 500, code: 'INTERNAL_ERROR', detail: 'a bug in pixlake' },
      {},
      true,
    ],
    [
      'of one who has no key',
      new PixlakeError('UNAUTHENTICATED', 'no key'),
      { status: 401, code: 'UNAUTHENTICATED', detail: 'no key' },
      { 'www-authenticate': 'Bearer' },
      false,
    ],
    [
      'of a server that is busy',
      new PixlakeError('SERVER_BUSY', 'later', { remedy: 'wait' }),
      { status: 503, code: 'SERVER_BUSY', detail: 'later', remedy: 'wait' },
      { 'retry-after': '1' },
      false,
    ],
    [
      'of work that was stopped',
      new PixlakeError('INTERRUPTED', 'stopped'),
      { status: 503, code: 'INTERRUPTED', detail: 'stopped' },
      { 'retry-after': '1' },
      false,
    ],
    [
      'of a machine that is too small',
      new PixlakeError('WORKER_TOO_SMALL', 'small'),
      { status: 503, code: 'WORKER_TOO_SMALL', detail: 'small' },
      { 'retry-after': '1' },
      true,
    ],
    [
      'of one who asks too often',
      new PixlakeError('RATE_LIMITED', 'slower'),
      { status: 429, code: 'RATE_LIMITED', detail: 'slower' },
      { 'retry-after': '1' },
      false,
    ],
    [
      'of Fastify that has a code',
      Object.assign(new Error('too large'), { code: 'FST_FILES_LIMIT', statusCode: 413 }),
      { status: 413, code: 'BODY_TOO_LARGE', detail: 'too large' },
      {},
      false,
    ],
    [
      'of Fastify that is of the client',
      Object.assign(new Error('bad header'), { statusCode: 431 }),
      { status: 400, code: 'REQUEST_INVALID', detail: 'bad header' },
      {},
      false,
    ],
    [
      'of Fastify that is not',
      Object.assign(new Error('bad server'), { statusCode: 500 }),
      { status: 500, code: 'INTERNAL_ERROR', detail: 'a bug in pixlake' },
      {},
      true,
    ],
  ])('%s is a problem', async (_what, error, problem, headers, isLogged) => {
    make(error);
    // A body that is too large is ended later.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const response = await app.inject('/');
    const told = response.json<{
      status: number;
      code: ErrorCode;
      type: string;
      title: string;
      requestId: string;
    }>();
    expect(told).toEqual({
      ...problem,
      type: `urn:pixlake:${told.code}`,
      title: expect.any(String),
      requestId: expect.stringMatching(/^req-/u),
    });
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      told.status,
      'application/problem+json; charset=utf-8',
    ]);
    for (const [name, value] of Object.entries(headers)) expect(response.headers[name], name).toBe(value);
    expect([codes, logged]).toEqual([[told.code], isLogged ? [told.code] : []]);
    expect(Object.keys(headers).length).toBeLessThan(3);
  });

  test('says when to come again as the limit of requests does', async () => {
    make(new PixlakeError('RATE_LIMITED', 'slower'), (reply) => reply.header('retry-after', '17'));
    expect((await app.inject('/')).headers['retry-after']).toBe('17');
  });

  test('ends a body that is too large half a second later, also where there is no connection', async () => {
    make(new PixlakeError('BODY_TOO_LARGE', 'too large'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let raw: IncomingMessage | undefined;
    app.addHook('onRequest', async (request) => {
      raw = request.raw;
    });
    expect((await app.inject('/')).statusCode).toBe(413);
    vi.advanceTimersByTime(499);
    expect(raw?.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(raw?.destroyed).toBe(true);
  });

  test('names the fields that are wrong', async () => {
    make(undefined);
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/', payload: { a: { b: 'x' } } });
    const { code, detail } = JSON.parse(body) as { code: string; detail: string };
    expect([statusCode, code]).toEqual([400, 'REQUEST_INVALID']);
    expect(detail).toMatch(/^a\.b: .*number.*; c: .*string/u);
    const whole = await app.inject({ method: 'POST', url: '/', payload: [] });
    expect(whole.json<{ detail: string }>().detail).toMatch(/^body: /u);
  });

  test('says that a route does not exist', async () => {
    make(undefined);
    const response = await app.inject({ method: 'PUT', url: '/nope' });
    expect(response.json()).toMatchObject({
      status: 404,
      code: 'ROUTE_NOT_FOUND',
      detail: 'PUT is not available at this path',
      remedy: 'GET <path> lists all routes'.replace('<path>', '/openapi.json'),
    });
    expect(codes).toEqual(['ROUTE_NOT_FOUND']);
  });

  test('to one who has gone is that it was stopped', async () => {
    let fail = (_error: Error): void => undefined;
    make(undefined);
    app.get('/slow', () => new Promise((_resolve, reject) => (fail = reject)));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const sent = send({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1', path: '/slow' });
    const closed = new Promise((resolve) => {
      app.server.once('connection', (socket) => socket.once('close', resolve));
    });
    sent.on('error', () => undefined).end();
    await new Promise((resolve) => {
      app.server.once('request', resolve);
    });
    sent.destroy();
    await closed;
    fail(new Error('nobody is there'));
    await expect.poll(() => codes).toEqual(['INTERRUPTED']);
    expect(logged).toEqual([]);
  });
});
