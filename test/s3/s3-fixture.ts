import { createHash, randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { S3Options } from '../../src/storage/s3-options.ts';
import { keysOf } from '../support/keys-of.ts';
import { makeTestFolder, type Outcome, pixlake, pixlakeJson } from '../support/pixlake.ts';

const server = process.env['PIXLAKE_TEST_S3'];

/** Whether there is a real S3 server. */
export const hasS3 = server !== undefined;

/** Whether the server is Ceph of the tests' own, which they may kill and make users of. */
export const hasCeph = server === 'ceph';

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
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
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

/** What a lake holds: originals with their digests, and rows. */
export interface Content {
  readonly originals: readonly (readonly [key: string, digest: string])[];
  readonly images: readonly unknown[];
}

/** All that ingests left in a lake. */
export async function contentOf(lake: string): Promise<Content> {
  const store = openStore(lake);
  const keys = await keysOf(store, 'originals');
  const originals = await Promise.all(keys.map(async (key) => [key, sha256(await store.read(key))] as const));
  return { originals, images: await pixlakeJson(lake, 'query', 'SELECT * FROM images ORDER BY ALL') };
}

/** The rows of a run, whose images are there as the rows say; without what differs from lake to lake. */
export async function outputOf(lake: string, run: string): Promise<unknown[]> {
  const store = openStore(lake);
  const sql = `SELECT * EXCLUDE (run_id) FROM runs.${run} ORDER BY id, copy`;
  const rows = await pixlakeJson<{ image_key: string; image_sha256: string }[]>(lake, 'query', sql);
  const digests = await Promise.all(rows.map(async (row) => sha256(await store.read(row.image_key))));
  expect(digests).toEqual(rows.map((row) => row.image_sha256));
  return rows.map((row) => ({ ...row, image_key: row.image_key.replace(/^runs\/[^/]+\/[^/]+/u, '') }));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
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
