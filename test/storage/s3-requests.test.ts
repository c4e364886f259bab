import { createHash } from 'node:crypto';
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RequestGate } from '../../src/storage/request-gate.ts';
import { judgeFailure } from '../../src/storage/s3-errors.ts';
import {
  getFile,
  getObject,
  PART_BYTES,
  putFile,
  putObject,
  type S3Bucket,
} from '../../src/storage/s3-requests.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** The name of a command and what it asks for. */
type Sent = readonly [name: string, input: Record<string, unknown>];

type Answerer = (name: string, input: Record<string, unknown>, abortSignal?: AbortSignal) => unknown;

/** A bucket whose client hands each command over to a function. */
function openBucket(answer: Answerer, signal?: AbortSignal): { bucket: S3Bucket; sent: Sent[] } {
  const sent: Sent[] = [];
  const send = async (
    command: { readonly input: Record<string, unknown> },
    options: { readonly abortSignal?: AbortSignal } = {},
  ): Promise<unknown> => {
    const name = command.constructor.name.replace(/Command$/u, '');
    sent.push([name, command.input]);
    return answer(name, command.input, options.abortSignal);
  };
  const client = { send } as unknown as sdk.S3Client;
  const gate = new RequestGate({ judge: judgeFailure, maxInFlight: 64, patienceMs: 60_000 });
  return { bucket: { open: async () => ({ sdk, client }), name: 'bucket', gate, signal }, sent };
}

/** Repeats come at once. */
function stubPauses(): void {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
}

const md5 = (bytes: Uint8Array, encoding: 'hex' | 'base64' = 'hex'): string =>
  createHash('md5').update(bytes).digest(encoding);

/** What a client gives for an object of which nothing is known but its bytes. */
const bare = (bytes: Buffer): Record<string, unknown> => ({
  Body: { transformToByteArray: async () => bytes },
});

/** What a client gives for an object of these bytes. */
const found = (bytes: Buffer, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...bare(bytes),
  ContentLength: bytes.length,
  Metadata: { md5: md5(bytes) },
  ...more,
});

/** An error that no repetition mends. */
const denied = Object.assign(new Error('no'), { name: 'AccessDenied' });

const HELLO = Buffer.from('hello');
const OTHER = Buffer.from('hallo');

describe('an object', () => {
  test('is read whole, and checked by the checksum it was written with if it has one', async () => {
    stubPauses();
    const answers = [
      found(HELLO, { Metadata: { md5: md5(OTHER) } }),
      found(HELLO, { ContentLength: 6 }),
      found(HELLO, { ContentLength: 4 }),
      found(HELLO),
      found(HELLO, { Metadata: undefined }),
      found(HELLO, { ContentLength: undefined, Metadata: {} }),
      { Body: undefined },
    ];
    const { bucket, sent } = openBucket(() => answers.shift());
    expect(await getObject(bucket, 'a')).toEqual(HELLO);
    expect(sent).toHaveLength(4);
    expect(sent[3]).toStrictEqual(['GetObject', { Bucket: 'bucket', Key: 'a' }]);
    expect(await getObject(bucket, 'a')).toEqual(HELLO);
    expect(await getObject(bucket, 'a')).toEqual(HELLO);
    expect(await getObject(bucket, 'a')).toEqual(Buffer.alloc(0));
    expect(sent).toHaveLength(7);
  });

  test('is read in a range, which the checksum does not fit', async () => {
    const { bucket, sent } = openBucket(() => found(HELLO, { Metadata: { md5: md5(OTHER) } }));
    expect(await getObject(bucket, 'a', { start: 3, length: 5 })).toEqual(HELLO);
    expect(sent).toStrictEqual([['GetObject', { Bucket: 'bucket', Key: 'a', Range: 'bytes=3-7' }]]);
    expect(await getObject(bucket, 'a', { start: 3, length: 0 })).toEqual(Buffer.alloc(0));
    expect(sent).toHaveLength(1);
  });

  test('ends where a range begins beyond it; other failures are told', async () => {
    const beyond = Object.assign(new Error('no'), { $metadata: { httpStatusCode: 416 } });
    const after = openBucket(() => Promise.reject(beyond)).bucket;
    expect(await getObject(after, 'a', { start: 9, length: 1 })).toEqual(Buffer.alloc(0));
    await expect(getObject(after, 'a')).rejects.toBe(beyond);
    const { bucket } = openBucket(() => Promise.reject(denied));
    await expect(getObject(bucket, 'a', { start: 9, length: 1 })).rejects.toBe(denied);
  });

  test('is written with its checksum, if that is wanted only where there is none yet', async () => {
    const { bucket, sent } = openBucket(() => ({}));
    await putObject(bucket, 'a', HELLO);
    await putObject(bucket, 'a', HELLO, { isNew: true });
    const object = {
      Bucket: 'bucket',
      Key: 'a',
      Body: HELLO,
      ContentMD5: md5(HELLO, 'base64'),
      Metadata: { md5: md5(HELLO) },
    };
    expect(sent).toStrictEqual([
      ['PutObject', object],
      ['PutObject', { ...object, IfNoneMatch: '*' }],
    ]);
  });

  test.each([
    ['a/b.jpg', 'image/jpeg'],
    ['b.png', 'image/png'],
    ['b.webp', 'image/webp'],
    ['b.gif', 'image/gif'],
    ['b.x.json', 'application/json'],
    ['b.csv', 'text/csv; charset=utf-8'],
    ['b.parquet', 'application/vnd.apache.parquet'],
    ['b.tar', undefined],
    ['_SUCCESS', undefined],
  ])('named %s has the type %s', async (key, type) => {
    const { bucket, sent } = openBucket(() => ({}));
    await putObject(bucket, key, HELLO);
    expect(sent[0]?.[1]['ContentType']).toBe(type);
  });

  test('is read and written under the signal of its bucket', async () => {
    const signals: unknown[] = [];
    const note: Answerer = (_name, _input, signal) => {
      signals.push(signal);
      return {};
    };
    const { signal } = new AbortController();
    const { bucket, sent } = openBucket(note, signal);
    await putObject(bucket, 'a', HELLO);
    await putObject(openBucket(note).bucket, 'a', HELLO);
    expect(signals).toEqual([signal, undefined]);
    await expect(getObject({ ...bucket, signal: AbortSignal.abort(denied) }, 'a')).rejects.toBe(denied);
    expect(sent).toHaveLength(1);
  });
});

/** A file of two parts, the last of which is 5 bytes. */
async function makeLarge(): Promise<{ path: string; parts: readonly [Buffer, Buffer] }> {
  const path = join(await makeTestFolder(), 'large');
  const parts = [Buffer.alloc(PART_BYTES).fill(HELLO, 0, 5), OTHER] as const;
  await writeFile(path, HELLO);
  await truncate(path, PART_BYTES);
  await appendFile(path, OTHER);
  return { path, parts };
}

const PLACE = { Bucket: 'bucket', Key: 'a.png' };

describe('a local file', () => {
  test('is sent at once if it is small', async () => {
    const path = join(await makeTestFolder(), 'small');
    await writeFile(path, HELLO);
    const { bucket, sent } = openBucket(() => ({}));
    await putFile(bucket, 'a.png', path);
    await truncate(path, PART_BYTES);
    await putFile(bucket, 'a.png', path);
    expect(sent.map(([name, { Key, Body }]) => [name, Key, (Body as Buffer).length])).toEqual([
      ['PutObject', 'a.png', 5],
      ['PutObject', 'a.png', PART_BYTES],
    ]);
  });

  test('is sent in parts if it is large, which may arrive in any order', async () => {
    const { path, parts } = await makeLarge();
    let arriveLast: (value: unknown) => void = () => undefined;
    const last = new Promise((resolve) => (arriveLast = resolve));
    const arrived: unknown[] = [];
    const stop = new AbortController();
    let ofPart: AbortSignal | undefined;
    const { bucket, sent } = openBucket(async (name, { PartNumber }, signal) => {
      if (PartNumber === 1) await last;
      if (PartNumber === 1) ofPart = signal;
      if (PartNumber === undefined) await new Promise(setImmediate);
      arrived.push(PartNumber ?? name);
      if (PartNumber === 2) setImmediate(arriveLast, 0);
      return { UploadId: 'upload', ETag: `"${String(PartNumber)}"` };
    }, stop.signal);
    await putFile(bucket, 'a.png', path);
    expect(ofPart?.aborted).toBe(false);
    stop.abort();
    expect(ofPart?.aborted).toBe(true);
    expect(arrived).toEqual(['CreateMultipartUpload', 2, 1, 'CompleteMultipartUpload']);
    const [first, ...rest] = sent;
    const Metadata = { md5: md5(Buffer.concat(parts)) };
    expect(first).toStrictEqual(['CreateMultipartUpload', { ...PLACE, Metadata, ContentType: 'image/png' }]);
    const Parts = [1, 2].map((PartNumber) => ({ PartNumber, ETag: `"${PartNumber}"` }));
    const complete = { ...PLACE, UploadId: 'upload', MultipartUpload: { Parts } };
    expect(rest.pop()).toStrictEqual(['CompleteMultipartUpload', complete]);
    const uploads = rest
      .map(([, input]) => input)
      .sort((a, b) => Number(a['PartNumber']) - Number(b['PartNumber']));
    expect(uploads.map((input) => ({ ...input, Body: 0 }))).toStrictEqual(
      parts.map((part, index) => ({
        ...PLACE,
        UploadId: 'upload',
        PartNumber: index + 1,
        Body: 0,
        ContentMD5: md5(part, 'base64'),
      })),
    );
    expect(uploads.map(({ Body }, index) => parts[index]?.equals(Body as Buffer))).toEqual([true, true]);
  });

  test('of which a part is refused leaves none behind, not even one that was on its way', async () => {
    const { path } = await makeLarge();
    let arrive: (value: unknown) => void = () => undefined;
    const isOnItsWay = new Promise((resolve) => (arrive = resolve));
    const order: unknown[] = [];
    const { bucket } = openBucket(async (name, { PartNumber, UploadId }, signal) => {
      if (PartNumber === 1) {
        await isOnItsWay;
        throw denied;
      }
      if (name === 'AbortMultipartUpload') await new Promise(setImmediate);
      order.push([name, PartNumber ?? UploadId]);
      if (PartNumber === 2) {
        arrive(0);
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        await new Promise(setImmediate);
        order.push('ended');
      }
      if (name === 'AbortMultipartUpload') throw new Error('what is left is swept later');
      return { UploadId: 'upload' };
    });
    await expect(putFile(bucket, 'a.png', path)).rejects.toBe(denied);
    expect(order).toEqual([
      ['CreateMultipartUpload', undefined],
      ['UploadPart', 2],
      'ended',
      ['AbortMultipartUpload', 'upload'],
    ]);
  });
});

describe('a download', () => {
  /** Gives the part of a file that a request asks for. */
  const rangeOf = (bytes: Buffer, range: string): Buffer => {
    const [first = 0, last = bytes.length] = range.match(/\d+/gu)?.map(Number) ?? [];
    return bytes.subarray(first, last + 1);
  };

  test('of a small object is one request, which checks its bytes', async () => {
    const { bucket, sent } = openBucket(() => found(HELLO));
    const path = join(await makeTestFolder(), 'file');
    await getFile(bucket, 'a', path, 5);
    expect(await readFile(path)).toEqual(HELLO);
    expect(sent).toStrictEqual([['GetObject', { Bucket: 'bucket', Key: 'a' }]]);
    await expect(getFile(bucket, 'a', path, 5)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(getFile(bucket, 'a', `${path}2`, 6)).rejects.toThrow('the 6 bytes that the table states');
    const none = openBucket(() => Promise.reject(denied));
    await getFile(none.bucket, 'a', `${path}3`, 0);
    expect([none.sent, (await readFile(`${path}3`)).length]).toEqual([[], 0]);
  });

  test('of a large object is read in ranges', async () => {
    const bytes = Buffer.alloc(PART_BYTES + 5, HELLO);
    const { bucket, sent } = openBucket((_, { Range }) => bare(rangeOf(bytes, Range as string)));
    const path = join(await makeTestFolder(), 'file');
    await getFile(bucket, 'a', path, bytes.length);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(sent.map(([, { Range }]) => Range)).toEqual(['bytes=0-16777215', 'bytes=16777216-16777220']);
  });

  test('of exactly one part is read whole', async () => {
    const { bucket, sent } = openBucket(() => bare(Buffer.alloc(PART_BYTES)));
    const path = join(await makeTestFolder(), 'file');
    await getFile(bucket, 'a', path, PART_BYTES);
    expect(sent.map(([, { Range }]) => Range)).toEqual([undefined]);
    expect((await stat(path)).size).toBe(PART_BYTES);
  });
});
