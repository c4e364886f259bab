import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ByteRange } from './object-store.ts';
import type { RequestGate } from './request-gate.ts';
import type { S3Sdk } from './s3-client.ts';
import { BadAnswer, isBeyondEnd } from './s3-errors.ts';

/** A bucket and how it is reached: every request passes the gate and ends with the signal. */
export interface S3Bucket {
  /** Opens the client on the first call. */
  readonly open: () => Promise<S3Sdk>;
  readonly name: string;
  readonly gate: RequestGate;
  readonly signal: AbortSignal | undefined;
}

/** Name of the object metadata with the MD5 of the bytes in hex. Every server stores metadata, but not every server stores checksums. */
const CHECKSUM = 'md5';

/** Bodies of this size or more are sent in parts and read in ranges. */
export const PART_BYTES = 16 * 1024 ** 2;

/** Parts of one body in flight at once; this and {@link PART_BYTES} bound the memory. */
const PARTS_AT_ONCE = 4;

/** Maximum number of parts of a body in S3. */
const MAX_PARTS = 10_000;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  gif: 'image/gif',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

/** Sends one request through the gate. */
export async function request<Result>(
  { open: openSdk, gate, signal }: S3Bucket,
  send: (s3: S3Sdk, options: { abortSignal?: AbortSignal }) => Promise<Result>,
): Promise<Result> {
  const s3 = await openSdk();
  return gate.run(() => send(s3, signal === undefined ? {} : { abortSignal: signal }), signal);
}

/** Reads an object or a range of it, and checks that it is complete and unchanged. */
export async function getObject(bucket: S3Bucket, key: string, range?: ByteRange): Promise<Buffer> {
  if (range !== undefined && range.length === 0) return Buffer.alloc(0);
  const wanted = {
    Bucket: bucket.name,
    Key: key,
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.start + range.length - 1}` }),
  };
  try {
    return await request(bucket, async ({ sdk, client }, options) => {
      const { Body, ContentLength, Metadata } = await client.send(new sdk.GetObjectCommand(wanted), options);
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      if (ContentLength !== undefined && bytes.length !== ContentLength)
        throw new BadAnswer(`only ${bytes.length} of ${ContentLength} bytes came`);
      const checksum = range === undefined ? Metadata?.[CHECKSUM] : undefined;
      if (checksum !== undefined && createHash('md5').update(bytes).digest('hex') !== checksum)
        throw new BadAnswer('the bytes do not match the checksum with which they were written');
      return bytes;
    });
  } catch (error) {
    if (range !== undefined && isBeyondEnd(error)) return Buffer.alloc(0);
    throw error;
  }
}

/** Writes an object in one request. */
export async function putObject(
  bucket: S3Bucket,
  key: string,
  bytes: Uint8Array,
  options: { readonly isNew?: boolean } = {},
): Promise<void> {
  const md5 = createHash('md5').update(bytes).digest();
  const object = {
    Bucket: bucket.name,
    Key: key,
    Body: bytes,
    ContentMD5: md5.toString('base64'),
    Metadata: { [CHECKSUM]: md5.toString('hex') },
    ...contentType(key),
    ...(options.isNew ? { IfNoneMatch: '*' } : {}),
  };
  await request(bucket, ({ sdk, client }, sending) => client.send(new sdk.PutObjectCommand(object), sending));
}

/** Sends a local file as an object, in parts if it is large. */
export async function putFile(bucket: S3Bucket, key: string, path: string): Promise<void> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  if (size <= PART_BYTES) {
    await putObject(bucket, key, await file.readFile());
    return;
  }
  const place = { Bucket: bucket.name, Key: key };
  const hash = createHash('md5');
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0 }))
    hash.update(chunk as Buffer);
  const object = { ...place, Metadata: { [CHECKSUM]: hash.digest('hex') }, ...contentType(key) };
  const { UploadId } = await request(bucket, ({ sdk, client }, options) =>
    client.send(new sdk.CreateMultipartUploadCommand(object), options),
  );
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
  const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
  const parts: { PartNumber: number; ETag: string | undefined }[] = [];
  const stop = new AbortController();
  const signal = AbortSignal.any(bucket.signal === undefined ? [stop.signal] : [stop.signal, bucket.signal]);
  const queue = numbers.values();
  const workOff = async (): Promise<void> => {
    for (const number of queue) {
      const start = (number - 1) * partBytes;
      const bytes = Buffer.alloc(Math.min(partBytes, size - start));
      await file.read(bytes, 0, bytes.length, start);
      const md5 = createHash('md5').update(bytes).digest('base64');
      const part = { ...place, UploadId, PartNumber: number, Body: bytes, ContentMD5: md5 };
      const { ETag } = await request({ ...bucket, signal }, ({ sdk, client }, options) =>
        client.send(new sdk.UploadPartCommand(part), options),
      );
      parts.push({ PartNumber: number, ETag });
    }
  };
  const workers = Array.from({ length: PARTS_AT_ONCE }, workOff);
  try {
    await Promise.all(workers);
    parts.sort((a, b) => a.PartNumber - b.PartNumber);
    const complete = { ...place, UploadId, MultipartUpload: { Parts: parts } };
    await request(bucket, ({ sdk, client }, options) =>
      client.send(new sdk.CompleteMultipartUploadCommand(complete), options),
    );
  } catch (error) {
    stop.abort();
    await Promise.allSettled(workers);
    // If this fails too, the upload is swept later.
    const { sdk, client } = await bucket.open();
    await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => undefined);
    throw error;
  }
}

/** Downloads an object of known size into a new local file, range by range. */
export async function getFile(bucket: S3Bucket, key: string, path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, 'wx');
  const starts = Array.from({ length: Math.ceil(sizeBytes / PART_BYTES) }, (_, index) => index * PART_BYTES);
  const queue = starts.values();
  const workOff = async (): Promise<void> => {
    for (const start of queue) {
      const length = Math.min(PART_BYTES, sizeBytes - start);
      // Small objects are read whole, which also checks their bytes.
      const bytes = await getObject(bucket, key, sizeBytes <= PART_BYTES ? undefined : { start, length });
      if (bytes.length !== length)
        throw new BadAnswer(`the object does not have the ${sizeBytes} bytes that the table states`);
      await file.write(bytes, 0, length, start);
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, workOff));
}

function contentType(key: string): { ContentType?: string } {
  const type = CONTENT_TYPES[key.slice(key.lastIndexOf('.') + 1)];
  return type === undefined ? {} : { ContentType: type };
}
