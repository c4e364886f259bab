// (e) The same run on a folder and on S3: the server that PIXLAKE_TEST_S3_ENDPOINT names (bucket in PIXLAKE_TEST_S3_BUCKET), or Ceph, which then runs on
// the same cores, where its packages are installed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { firstRows, good } from './catalogue.mjs';
import { inProcess, repeat } from './machine.mjs';

const CEPH = fileURLToPath(new URL('../../test/s3/ceph.sh', import.meta.url));
const BUCKET = 'pixlake-bench';

/** Environment of a server, and how to end it; `undefined` where there is none. */
async function startServer(work) {
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
async function countRequests(endpoint, work) {
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

export async function measureStores(catalogue, { work, isQuick, log }) {
  const server = await startServer(work);
  if (server === undefined) {
    log('SKIPPED: no S3 server; Ceph is not installed and PIXLAKE_TEST_S3_ENDPOINT names none');
    return undefined;
  }
  try {
    const rows = isQuick ? 100 : 1500;
    const source = firstRows(catalogue, rows, join(work, 'stores-catalogue'));
    const points = [];
    const lakes = {
      folder: join(work, 'stores-lake'),
      [server.name]: `s3://${server.bucket}/lake-${process.pid}`,
    };
    for (const [store, lake] of Object.entries(lakes)) {
      const { ingestSeconds } = await inProcess({ lake, ingest: { source } }, server.env);
      const {
        runSeconds: seconds,
        runCpuSeconds: cpuSeconds,
        imageCount,
        querySeconds,
      } = await repeat(
        isQuick ? 1 : 3,
        (time) => ({ lake, query: good(rows), run: { name: `e-${time}`, sql: good(rows) } }),
        server.env,
      );
      points.push({ store, images: imageCount, seconds, cpuSeconds, ingestSeconds, querySeconds });
      log(
        `${store}: ${(imageCount / seconds).toFixed(0)} images/s, ${((cpuSeconds * 1000) / imageCount).toFixed(2)} ms CPU each, query ${(querySeconds * 1000).toFixed(0)} ms`,
      );
    }
    const s3 = points.at(-1);
    const counts = await countRequests(server.env.AWS_ENDPOINT_URL, (AWS_ENDPOINT_URL) =>
      inProcess(
        { lake: lakes[server.name], run: { name: 'e-counted', sql: good(rows) } },
        { ...server.env, AWS_ENDPOINT_URL },
      ),
    );
    s3.requestsPerImage = { get: counts.get / s3.images, put: counts.put / s3.images };
    log(
      `requests for each image: ${s3.requestsPerImage.get.toFixed(3)} GET, ${s3.requestsPerImage.put.toFixed(3)} PUT`,
    );
    return { points };
  } finally {
    server.stop();
  }
}
