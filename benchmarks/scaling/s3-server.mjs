// The S3 server to measure on: the one that PIXLAKE_TEST_S3_ENDPOINT names (bucket in PIXLAKE_TEST_S3_BUCKET), or Ceph, which then runs on the same
// cores, where its packages are installed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const CEPH = fileURLToPath(new URL('../../test/s3/ceph.sh', import.meta.url));
const BUCKET = 'pixlake-bench';

/** Name, bucket and environment of a server, and how to end it; `undefined` where there is none. */
export async function startServer(work) {
  const { PIXLAKE_TEST_S3_ENDPOINT: endpoint, PIXLAKE_TEST_S3_BUCKET: bucket } = process.env;
  if (endpoint !== undefined)
    return { name: 'S3', bucket, env: { AWS_ENDPOINT_URL: endpoint }, stop: () => undefined };
  try {
    execFileSync('radosgw', ['--version'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = join(work, 'ceph');
  const port = 20_000 + (process.pid % 20_000);
  mkdirSync(folder);
  execFileSync(CEPH, [folder, String(port)], { stdio: 'ignore' });
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'ownerkey',
    AWS_SECRET_ACCESS_KEY: 'ownersecret0123456789',
  };
  // As pixlake itself does: it pins the version of the SDK.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const client = new S3Client({
    endpoint: env.AWS_ENDPOINT_URL,
    region: env.AWS_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  const stop = () => {
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.pid')))
      process.kill(Number(readFileSync(join(folder, name), 'utf8')), 'SIGKILL');
  };
  return { name: 'S3 (Ceph on the same cores)', bucket: BUCKET, env, stop };
}

/** Counts the requests that some work makes of a server, through a proxy: those that read, and those that write or list. */
export async function countRequests(endpoint, work) {
  const counts = { get: 0, put: 0 };
  const agent = new Agent({ keepAlive: true });
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    counts[method === 'GET' || method === 'HEAD' ? 'get' : 'put'] += 1;
    // The host of the proxy is what was signed, so that it must stay.
    const forwarded = request(endpoint, { method, path, headers, agent }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  await new Promise((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  try {
    await work(`http://127.0.0.1:${proxy.address().port}`);
  } finally {
    proxy.close();
    agent.destroy();
  }
  return counts;
}
