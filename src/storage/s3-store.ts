import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { PixlakeError } from '../errors.ts';
import {
  type ByteRange,
  checkKey,
  type ObjectEntry,
  type ObjectStore,
  type RemoteAccess,
} from './object-store.ts';
import { RequestGate } from './request-gate.ts';
import { describeConnection, MAX_IN_FLIGHT, openS3Client, type S3Sdk } from './s3-client.ts';
import { explainFailure, isMissingObject, isNotImplemented, isTaken, judgeFailure } from './s3-errors.ts';
import { resolveS3, type S3Options, type S3Settings } from './s3-options.ts';
import { getFile, getObject, putFile, putObject, request, type S3Bucket } from './s3-requests.ts';
import { sweepFolder } from './sweep-folder.ts';
import { keepAlive, sweepOnce, temporaryName } from './temporary-folder.ts';

/** Long enough for a server to restart after a crash. */
const PATIENCE_MS = 45_000;

/** Maximum number of objects in one delete request (S3 API Reference, DeleteObjects). */
const DELETE_BATCH = 1000;

/** Opens a prefix of a bucket, `s3://bucket/prefix`, as an object store. No request is sent yet. @throws `ARGUMENT_INVALID` */
export function openS3Store(uri: string, options: S3Options): ObjectStore {
  const { bucket, prefix } = /^s3:\/\/(?<bucket>[^/]+)(?:\/(?<prefix>.*?))?\/*$/iu.exec(uri)?.groups ?? {};
  if (bucket === undefined) throw new PixlakeError('ARGUMENT_INVALID', `${uri} names no bucket`);
  const root = prefix === undefined || prefix === '' ? '' : `${prefix}/`;
  const settings = resolveS3(options);
  const gate = new RequestGate({ judge: judgeFailure, maxInFlight: MAX_IN_FLIGHT, patienceMs: PATIENCE_MS });
  let opened: Promise<S3Sdk> | undefined;
  const open = (): Promise<S3Sdk> => (opened ??= openS3Client(settings));
  return new S3Store({ open, name: bucket, gate, signal: undefined }, root, options, settings);
}

class S3Store implements ObjectStore {
  readonly uri: string;
  readonly s3: S3Options;
  readonly remote: RemoteAccess;
  readonly #bucket: S3Bucket;
  readonly #root: string;
  readonly #settings: S3Settings;
  /** Shared by stores that differ only in their signal. */
  readonly #probe: { isAtomic?: Promise<boolean> | undefined };

  constructor(
    bucket: S3Bucket,
    root: string,
    s3: S3Options,
    settings: S3Settings,
    probe: { isAtomic?: Promise<boolean> | undefined } = {},
  ) {
    this.uri = `s3://${bucket.name}/${root}`.replace(/\/$/u, '');
    this.s3 = s3;
    this.#bucket = bucket;
    this.#root = root;
    this.#settings = settings;
    this.#probe = probe;
    this.remote = {
      ...settings,
      connect: () => this.#guard('reach', '', () => describeConnection(bucket, settings)),
      download: (key, path, sizeBytes) =>
        this.#guard('read', key, () => getFile(bucket, this.#keyOf(key), path, sizeBytes)),
      signUrl: (key, expiresMs) => this.#guard('sign', key, () => this.#signUrl(key, expiresMs)),
    };
  }

  withSignal(signal: AbortSignal): ObjectStore {
    // Every request in flight adds a listener.
    setMaxListeners(0, signal);
    return new S3Store({ ...this.#bucket, signal }, this.#root, this.s3, this.#settings, this.#probe);
  }

  async read(key: string, range?: ByteRange): Promise<Buffer> {
    return this.#guard('read', key, () => getObject(this.#bucket, this.#keyOf(key), range));
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    await this.#guard('write', key, () => putObject(this.#bucket, this.#keyOf(key), bytes));
  }

  async writeIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    await this.#checkAtomicity();
    return this.#guard('write', key, () => this.#putIfAbsent(this.#keyOf(key), bytes));
  }

  async moveIn(key: string, localPath: string): Promise<void> {
    await this.#guard('write', key, () => putFile(this.#bucket, this.#keyOf(key), localPath));
    await rm(localPath);
  }

  async stat(key: string): Promise<ObjectEntry | undefined> {
    const place = this.#placeOf(key);
    try {
      const { ContentLength, LastModified } = await request(this.#bucket, ({ sdk, client }, options) =>
        client.send(new sdk.HeadObjectCommand(place), options),
      );
      return { key, sizeBytes: ContentLength ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (!isMissingObject(error)) throw this.#explain(error, 'read', key);
      return undefined;
    }
  }

  async *list(folder: string, startAfter?: string): AsyncIterable<ObjectEntry> {
    const prefix = folder === '' ? this.#root : `${this.#keyOf(folder)}/`;
    const start = startAfter === undefined ? {} : { StartAfter: this.#keyOf(startAfter) };
    for await (const page of this.#pages(folder, { Prefix: prefix, ...start })) {
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(this.#root.length);
        // Web consoles make empty objects that represent folders.
        if (key === '' || key.endsWith('/')) continue;
        yield { key, sizeBytes: Size, modifiedMs: LastModified?.getTime() ?? 0 };
      }
    }
  }

  async listFolders(folder: string): Promise<string[]> {
    const prefix = `${this.#keyOf(folder)}/`;
    const names: string[] = [];
    for await (const page of this.#pages(folder, { Prefix: prefix, Delimiter: '/' })) {
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) names.push(Prefix.slice(prefix.length, -1));
    }
    return names.sort();
  }

  async delete(key: string): Promise<void> {
    const place = this.#placeOf(key);
    await this.#request('delete', key, ({ sdk, client }, options) =>
      client.send(new sdk.DeleteObjectCommand(place), options),
    );
  }

  async deleteMany(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      const batch = keys.slice(start, start + DELETE_BATCH).map((key) => ({ Key: this.#keyOf(key) }));
      const doomed = { Bucket: this.#bucket.name, Delete: { Objects: batch, Quiet: true } };
      const { Errors } = await this.#request('delete', keys[start] ?? '', ({ sdk, client }, options) =>
        client.send(new sdk.DeleteObjectsCommand(doomed), options),
      );
      const [first] = Errors ?? [];
      if (first === undefined) continue;
      const key = (first.Key ?? '').slice(this.#root.length);
      throw this.#explain(Object.assign(new Error(first.Message), { code: first.Code }), 'delete', key);
    }
  }

  locate(key: string): string {
    return `s3://${this.#bucket.name}/${this.#keyOf(key)}`;
  }

  async makeScratchDir(): Promise<string> {
    const path = await this.nameScratchDir();
    await mkdir(path);
    keepAlive(path);
    return path;
  }

  async nameScratchDir(): Promise<string> {
    const root = this.#scratchRoot();
    await sweepOnce(root);
    await mkdir(root, { recursive: true });
    return join(root, temporaryName());
  }

  async sweepTemporary(beforeMs: number): Promise<number> {
    let sweptCount = await sweepFolder(this.#scratchRoot(), beforeMs);
    const { name } = this.#bucket;
    const listed = await this.#request('list', '', ({ sdk, client }, options) =>
      client.send(new sdk.ListMultipartUploadsCommand({ Bucket: name, Prefix: this.#root }), options),
    );
    for (const { Key, UploadId, Initiated } of listed.Uploads ?? []) {
      if ((Initiated?.getTime() ?? beforeMs) >= beforeMs) continue;
      await this.#request('delete', '', ({ sdk, client }, options) =>
        client.send(new sdk.AbortMultipartUploadCommand({ Bucket: name, Key, UploadId }), options),
      );
      sweptCount += 1;
    }
    return sweptCount;
  }

  /** Some servers accept conditional writes and let every writer win. Tables there would lose commits. */
  async #checkAtomicity(): Promise<void> {
    if (this.#settings.endpointUrl === undefined) return;
    this.#probe.isAtomic ??= this.#probeAtomicity();
    let isAtomic = false;
    try {
      isAtomic = await this.#probe.isAtomic;
    } catch (error) {
      this.#probe.isAtomic = undefined;
      throw error;
    }
    if (isAtomic) return;
    throw new PixlakeError(
      'STORAGE_NOT_ATOMIC',
      `the S3 server of ${this.uri} ignores If-None-Match, so two writers could overwrite each other's commits`,
      { remedy: 'use AWS S3, Ceph, MinIO, R2 or another server with conditional writes' },
    );
  }

  async #probeAtomicity(): Promise<boolean> {
    const key = `.tmp/probe-${randomUUID()}`;
    const bytes = Buffer.from('pixlake\n');
    await this.write(key, bytes);
    const isOverwritten = await this.#guard('write', key, async () => {
      try {
        return await this.#putIfAbsent(this.#keyOf(key), bytes);
      } catch (error) {
        if (isNotImplemented(error)) return true;
        throw error;
      }
    });
    await this.delete(key);
    return !isOverwritten;
  }

  async #putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await putObject(this.#bucket, key, bytes, { isNew: true });
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    }
  }

  async #signUrl(key: string, expiresMs: number): Promise<string> {
    const { sdk, client } = await this.#bucket.open();
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new sdk.GetObjectCommand(this.#placeOf(key));
    return getSignedUrl(client, command, { expiresIn: Math.ceil(expiresMs / 1000) });
  }

  async *#pages(
    folder: string,
    query: { readonly Prefix: string; readonly Delimiter?: string; readonly StartAfter?: string },
  ): AsyncGenerator<ListObjectsV2CommandOutput> {
    let next: { ContinuationToken?: string } | undefined = {};
    while (next !== undefined) {
      const asked = { Bucket: this.#bucket.name, ...query, ...next };
      const page: ListObjectsV2CommandOutput = await this.#request(
        'list',
        folder,
        ({ sdk, client }, options) => client.send(new sdk.ListObjectsV2Command(asked), options),
      );
      yield page;
      const token = page.IsTruncated ? page.NextContinuationToken : undefined;
      next = token === undefined ? undefined : { ContinuationToken: token };
    }
  }

  #keyOf(key: string): string {
    checkKey(key);
    return `${this.#root}${key}`;
  }

  #scratchRoot(): string {
    return join(this.#settings.cacheDir, 'tmp');
  }

  #placeOf(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket.name, Key: this.#keyOf(key) };
  }

  async #request<Result>(
    verb: string,
    key: string,
    send: (s3: S3Sdk, options: { abortSignal?: AbortSignal }) => Promise<Result>,
  ): Promise<Result> {
    return this.#guard(verb, key, () => request(this.#bucket, send));
  }

  async #guard<Result>(verb: string, key: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.#explain(error, verb, key);
    }
  }

  #explain(error: unknown, verb: string, key: string): PixlakeError {
    return explainFailure(
      error,
      key === '' ? this.uri : `s3://${this.#bucket.name}/${this.#root}${key}`,
      verb,
    );
  }
}
