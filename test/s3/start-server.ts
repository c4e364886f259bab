import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Makes a real S3 server ready for the tests and tells them of it by environment variables: the one that PIXLAKE_TEST_S3_ENDPOINT names
 * (with credentials as AWS tools take them, and a bucket named by PIXLAKE_TEST_S3_BUCKET), else Ceph where its packages are installed. Where
 * there is none the tests skip, but fail if CI is set.
 */
export default async function startServer(): Promise<(() => void) | undefined> {
  const { env } = process;
  if (env['PIXLAKE_HTTPFS'] === undefined) {
    const message = "PIXLAKE_HTTPFS names no file of DuckDB's httpfs extension";
    if (env['CI']) throw new Error(message);
    console.log(`SKIPPED: ${message}, so that SQL is tested by way of the cache only`);
  }
  if (env['PIXLAKE_TEST_S3_ENDPOINT'] !== undefined) {
    env['AWS_ENDPOINT_URL'] = env['PIXLAKE_TEST_S3_ENDPOINT'];
    env['PIXLAKE_TEST_S3'] = 'given';
    return undefined;
  }
  if (!hasCeph()) {
    const message = "Ceph's packages radosgw, ceph-mon and ceph-osd are not installed";
    if (env['CI']) throw new Error(message);
    console.log(`SKIPPED: ${message}, and PIXLAKE_TEST_S3_ENDPOINT names no server`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'pixlake-ceph-'));
  const port = await freePorts();
  execFileSync(join(import.meta.dirname, 'ceph.sh'), [folder, String(port)], { stdio: 'inherit' });
  env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${port}`;
  env['AWS_REGION'] = 'us-east-1';
  env['AWS_ACCESS_KEY_ID'] = 'ownerkey';
  env['AWS_SECRET_ACCESS_KEY'] = 'ownersecret0123456789';
  env['PIXLAKE_TEST_S3'] = 'ceph';
  env['PIXLAKE_TEST_CEPH'] = folder;
  return () => {
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.pid'))) {
      try {
        process.kill(Number(readFileSync(join(folder, name), 'utf8')), 'SIGKILL');
      } catch {
        // Gone already.
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
}

function hasCeph(): boolean {
  try {
    for (const program of ['radosgw', 'ceph-mon', 'ceph-osd', 'radosgw-admin'])
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A port that is free, and the one above it too. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if ((await listenOnce(port + 1).catch(() => undefined)) !== undefined) return port;
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
