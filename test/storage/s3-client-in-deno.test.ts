import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Reads an object twice, one after the other, from the server that its environment names. */
const READ_TWICE = `
  const { openS3Client } = await import('./src/storage/s3-client.ts');
  const { resolveS3 } = await import('./src/storage/s3-options.ts');
  const { sdk, client } = await openS3Client(resolveS3({}, process.env));
  for (let n = 0; n < 2; n += 1) {
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: 'bucket', Key: 'key' }));
    console.log(await Body.transformToString());
  }
  process.exit(0);
`;

test('in Deno each request has a connection of its own', async () => {
  let connectionCount = 0;
  await using server = createServer((_, response) => void response.end('image'))
    .on('connection', () => void (connectionCount += 1))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { stdout } = await promisify(execFile)(
    join(root, 'node_modules/.bin/deno'),
    ['eval', '--ext=ts', `import process from 'node:process'; ${READ_TWICE}`],
    {
      cwd: root,
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
        AWS_ACCESS_KEY_ID: 'key',
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_REGION: 'us-east-1',
      },
    },
  );
  expect(stdout).toBe('image\nimage\n');
  expect(connectionCount).toBe(2);
});
