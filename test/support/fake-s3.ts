import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { makeTestFolder } from './pixlake.ts';

/** An S3 server in this process that keeps objects in memory: GET with ranges, PUT, HEAD, DELETE, DeleteObjects and ListObjectsV2. */
export interface FakeS3 {
  readonly store: ObjectStore;
  /** The requests so far, such as `PUT a/b 412`; keys are those of the store. */
  readonly requests: readonly string[];
}

interface Stored {
  readonly bytes: Buffer;
  readonly md5: string;
}

/** A request as the server sees it; the key is that of the bucket. */
export interface SeenRequest {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer | string;
}

/** Keys and folders that one page of a listing holds; servers may give fewer than the thousand of AWS. */
const PAGE = 100;

const ENTITIES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt' };

const escapeXml = (text: string): string => text.replaceAll(/[&<>]/gu, (one) => `&${ENTITIES[one]};`);

const unescapeXml = (text: string): string =>
  text.replaceAll(/&(?:#x(?<hex>[0-9a-f]+)|(?<name>\w+));/giu, (_all, hex?: string, name?: string) =>
    hex === undefined
      ? ({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[name ?? ''] ?? '')
      : String.fromCodePoint(Number.parseInt(hex, 16)),
  );

/** When every object was changed. */
export const CHANGED_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** An answer that refuses a request with an error code of S3. */
export const refusal = (status: number, code: string): Answer => ({
  status,
  body: `<Error><Code>${code}</Code></Error>`,
});

function put(objects: Map<string, Stored>, key: string, { headers, body }: SeenRequest): Answer {
  if (headers['if-none-match'] === '*' && objects.has(key)) return refusal(412, 'PreconditionFailed');
  objects.set(key, { bytes: body, md5: String(headers['x-amz-meta-md5'] ?? '') });
  return { status: 200 };
}

function get(stored: Stored | undefined, range: string | undefined): Answer {
  if (stored === undefined) return refusal(404, 'NoSuchKey');
  const { bytes, md5 } = stored;
  const headers = {
    'last-modified': new Date(CHANGED_MS).toUTCString(),
    ...(md5 === '' ? {} : { 'x-amz-meta-md5': md5 }),
  };
  const { first, last } = /^bytes=(?<first>\d+)-(?<last>\d+)$/u.exec(range ?? '')?.groups ?? {};
  if (first === undefined) return { status: 200, headers, body: bytes };
  if (Number(first) >= bytes.length) return refusal(416, 'InvalidRange');
  return { status: 206, headers, body: bytes.subarray(Number(first), Number(last) + 1) };
}

/** One page; the token is the last name of the page before. */
function list(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): Answer {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
  const names = new Set<string>();
  for (const key of objects.keys()) {
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    names.add(end === -1 ? key : key.slice(0, end + 1));
  }
  const left = [...names].filter((name) => name > after).sort();
  const page = left.slice(0, PAGE);
  const entries = page.map((name) =>
    delimiter !== null && name.endsWith(delimiter)
      ? `<CommonPrefixes><Prefix>${escapeXml(name)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${escapeXml(name)}</Key><Size>${objects.get(name)?.bytes.length}</Size>
          <LastModified>${new Date(CHANGED_MS).toISOString()}</LastModified></Contents>`,
  );
  const isTruncated = left.length > page.length;
  const token = isTruncated ? escapeXml(page.at(-1) ?? '') : '';
  const rest = isTruncated ? `<NextContinuationToken>${token}</NextContinuationToken>` : '';
  return {
    status: 200,
    body: `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${rest}${entries.join('')}</ListBucketResult>`,
  };
}

function deleteMany(objects: Map<string, Stored>, body: Buffer): Answer {
  for (const [, key = ''] of body.toString().matchAll(/<Key>(.*?)<\/Key>/gu))
    objects.delete(unescapeXml(key));
  return { status: 200, body: '<DeleteResult></DeleteResult>' };
}

/** Starts the server, which ends with the test. `answerFirst` may answer in its place. */
export async function startFakeS3(
  answerFirst: (request: SeenRequest) => Answer | undefined = () => undefined,
): Promise<FakeS3> {
  const objects = new Map<string, Stored>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const { pathname, searchParams: query } = new URL(url, 'http://s3');
      const key = decodeURIComponent(pathname).replace(/^\/bucket\/?/u, '');
      const body = Buffer.concat(chunks);
      const seen = { method, key, query, headers, body };
      const answer = ((): Answer => {
        const first = answerFirst(seen);
        if (first !== undefined) return first;
        if (query.has('list-type')) return list(objects, query);
        if (query.has('delete')) return deleteMany(objects, body);
        if (method === 'PUT') return put(objects, key, seen);
        if (method !== 'DELETE') return get(objects.get(key), headers.range);
        objects.delete(key);
        return { status: 204 };
      })();
      requests.push(`${method} ${key.replace(/^lake\//u, '')} ${answer.status}`);
      response.writeHead(answer.status, {
        ...answer.headers,
        'content-length': Buffer.byteLength(answer.body ?? ''),
      });
      response.end(method === 'HEAD' ? undefined : answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // The SDK takes credentials from the environment, and the server takes any.
  process.env['AWS_ACCESS_KEY_ID'] ??= 'any';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'any';
  const endpointUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { endpointUrl, region: 'us-east-1', cacheDir: await makeTestFolder() };
  return { store: openStore('s3://bucket/lake', options), requests };
}
