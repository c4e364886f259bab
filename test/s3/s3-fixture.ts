import { randomUUID } from 'node:crypto';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { describe } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { S3Options } from '../../src/storage/s3-options.ts';
import { makeTestFolder, type Outcome, pixlake } from '../support/pixlake.ts';

const server = process.env['PIXLAKE_TEST_S3'];

/** Tests that need a real S3 server, and those that need one that they may kill and make users of. */
export const describeS3 = describe.skipIf(server === undefined);
export const describeCeph = describe.skipIf(server !== 'ceph');

/** File of DuckDB's httpfs extension; tests that need it skip without. */
export const HTTPFS = process.env['PIXLAKE_HTTPFS'];

let bucket: Promise<string> | undefined;

/** Name of the bucket that the tests of one file share. */
export async function testBucket(): Promise<string> {
  bucket ??= makeBucket();
  return bucket;
}

async function makeBucket(): Promise<string> {
  const given = process.env['PIXLAKE_TEST_S3_BUCKET'];
  if (given !== undefined) return given;
  const Bucket = `pixlake-${randomUUID()}`;
  await clientOf().send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

/** The SDK's own client, for what pixlake does not do. */
export function clientOf(): S3Client {
  return new S3Client({ forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
}

/** A fresh prefix. */
export async function testUri(): Promise<string> {
  return `s3://${await testBucket()}/${randomUUID()}`;
}

/** A store on a fresh prefix, with a cache of its own. */
export async function openTestStore(options: S3Options = {}): Promise<ObjectStore> {
  return openStore(await testUri(), { cacheDir: await makeTestFolder(), ...options });
}

/** Keys below a folder, sorted. */
export async function keysOf(store: ObjectStore, folder = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}

/** SHA-256 of every image and Parquet file below a folder of a store, by key relative to it. */
export async function hashOutput(store: ObjectStore, folder: string): Promise<Record<string, string>> {
  const keys = (await keysOf(store, folder)).filter((key) => /\.(?:jpg|parquet)$/u.test(key));
  const hashes = keys.map(async (key) => {
    const hash = createHash('sha256')
      .update(await store.read(key))
      .digest('hex');
    return [key.slice(folder.length + 1), hash] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

/** Calls the program and demands that it ends well. */
export async function must(lake: string, ...args: readonly string[]): Promise<Outcome> {
  const outcome = await pixlake(lake, ...args);
  if (outcome.code === 0) return outcome;
  throw new Error(`pixlake ${args.join(' ')} ended with ${outcome.code}: ${outcome.stderr}`);
}

/** Kills the gateway as a crash would. */
export function killServer(): void {
  const folder = process.env['PIXLAKE_TEST_CEPH'] ?? '';
  process.kill(Number(readFileSync(join(folder, 'client.rgw.a.pid'), 'utf8')), 'SIGKILL');
}

/** Starts the gateway again. */
export function restartServer(): void {
  const { PIXLAKE_TEST_CEPH: folder = '', AWS_ENDPOINT_URL: url = '' } = process.env;
  execFileSync(join(import.meta.dirname, 'ceph.sh'), [folder, new URL(url).port]);
}
