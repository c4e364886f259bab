import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { makeTestFolder } from './pixlake.ts';

/** An S3 server in this process that keeps objects in memory and answers 412 to a PUT with `If-None-Match: *` where there is one. */
export interface FakeS3 {
  readonly store: ObjectStore;
  /** The requests so far, such as `PUT a/b 412`; keys are those of the store. */
  readonly requests: readonly string[];
}

/** Starts the server, which ends with the test. */
export async function startFakeS3(): Promise<FakeS3> {
  const objects = new Map<string, { readonly bytes: Buffer; readonly md5: string }>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const key = decodeURIComponent(new URL(url, 'http://s3').pathname).replace('/bucket/lake/', '');
      const present = objects.get(key);
      let status = 200;
      let body: Buffer | undefined;
      if (method === 'PUT') {
        const md5 = String(headers['x-amz-meta-md5'] ?? '');
        if (headers['if-none-match'] === '*' && present !== undefined) status = 412;
        else objects.set(key, { bytes: Buffer.concat(chunks), md5 });
      } else if (method === 'DELETE') {
        objects.delete(key);
        status = 204;
      } else if (present === undefined) status = 404;
      else {
        response.setHeader('content-length', present.bytes.length);
        if (present.md5 !== '') response.setHeader('x-amz-meta-md5', present.md5);
        if (method === 'GET') body = present.bytes;
      }
      const code = { 404: 'NoSuchKey', 412: 'PreconditionFailed' }[status];
      requests.push(`${method} ${key} ${status}`);
      response.statusCode = status;
      response.end(code === undefined || method === 'HEAD' ? body : `<Error><Code>${code}</Code></Error>`);
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
