import { createHash, randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { S3Options } from '../../src/storage/s3-options.ts';
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

/** Keys below a folder, sorted. */
export async function keysOf(store: ObjectStore, folder = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.sort();
}

/** What a lake holds: keys with digests of bytes, and rows. */
export interface Result {
  readonly originals: readonly (readonly [string, string])[];
  readonly images: readonly unknown[];
  readonly made?: readonly unknown[];
}

/** All that an ingest and, if it is named, a run left in a lake: originals, rows, images, but no times nor ids of the run. */
export async function resultOf(lake: string, run?: string): Promise<Result> {
  const store = openStore(lake);
  const hash = async (key: string): Promise<[string, string]> => [key, sha256(await store.read(key))];
  const originals = await Promise.all((await keysOf(store, 'originals')).map(hash));
  const images = await pixlakeJson<unknown[]>(lake, 'query', 'SELECT * FROM images ORDER BY ALL');
  if (run === undefined) return { originals, images };
  const sql = `SELECT * EXCLUDE (run_id) FROM runs.${run} ORDER BY id, copy`;
  const rows = await pixlakeJson<{ image_key: string; image_sha256: string }[]>(lake, 'query', sql);
  const written = await Promise.all(rows.map(({ image_key: key }) => hash(key)));
  expect(written.map(([, digest]) => digest)).toEqual(rows.map((row) => row.image_sha256));
  const made = rows.map((row) => ({ ...row, image_key: row.image_key.replace(/^runs\/[^/]+\/[^/]+/u, '') }));
  return { originals, images, made };
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
