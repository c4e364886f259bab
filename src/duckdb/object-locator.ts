import { createHash } from 'node:crypto';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../config.ts';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectEntry, ObjectStore, RemoteAccess } from '../storage/object-store.ts';
import { countMissingBytes, linkCached } from './object-cache.ts';
import { quoteText } from '../sql/sql-text.ts';

/** Credentials are renewed when they are valid for less than this. */
const EXPIRY_MARGIN_MS = 5 * 60_000;

/** After a failure to load the extension, the network is not tried again for this time. */
const ASK_AGAIN_MS = 24 * 60 * 60_000;

/**
 * Up to this size, missing files are always downloaded into the cache. Reading them by httpfs is slower except for a few rows
 * (`npm run bench:s3`), because each row group costs a round trip.
 */
const EAGER_BYTES = 1024 ** 3;

/**
 * Makes objects of any store readable by one DuckDB. Local files are read directly. Objects on S3 are read in one of
 * two ways: from the local cache, into which whole files are downloaded once, or by DuckDB's httpfs extension, which downloads the parts of a file
 * that a query needs. The setting `auto` uses the cache for files that it has or can download quickly, and httpfs for more.
 */
export class ObjectLocator {
  readonly #run: (sql: string) => Promise<void>;
  readonly #scratchDir: string;
  readonly #isConfined: boolean;
  /** Secrets in DuckDB by the root of their store, with the time until which they are valid. */
  readonly #secrets = new Map<string, number>();
  /** Paths of objects by their URIs. They must not change while DuckDB is open. */
  readonly #paths = new Map<string, string>();
  #hasHttpfs: Promise<boolean> | undefined;

  /** @param options `isConfined`: DuckDB has neither network nor credentials, unless the setting is `httpfs` */
  constructor(
    run: (sql: string) => Promise<void>,
    scratchDir: string,
    options: { readonly isConfined?: boolean } = {},
  ) {
    this.#run = run;
    this.#scratchDir = scratchDir;
    this.#isConfined = options.isConfined ?? false;
  }

  /**
   * Returns for each object a path or an `s3://` URI for DuckDB's readers, the same one each time.
   *
   * @throws `HTTPFS_UNAVAILABLE` if the setting is `httpfs`, `OBJECT_NOT_FOUND`, storage errors
   */
  async locate(store: ObjectStore, objects: readonly ObjectEntry[]): Promise<string[]> {
    const { remote } = store;
    if (remote === undefined) return objects.map(({ key }) => store.locate(key));
    const unknown = objects.filter(({ key }) => !this.#paths.has(store.locate(key)));
    const found = await this.#find(store, remote, unknown);
    for (const [index, { key }] of unknown.entries()) this.#paths.set(store.locate(key), found[index] ?? '');
    return objects.map(({ key }) => this.#paths.get(store.locate(key)) ?? '');
  }

  async #find(store: ObjectStore, remote: RemoteAccess, objects: readonly ObjectEntry[]): Promise<string[]> {
    if (objects.length === 0) return [];
    if (!(await this.#usesHttpfs(store, remote, objects)))
      return linkCached(store, remote, objects, join(this.#scratchDir, 'objects'));
    await this.#putSecret(store, remote);
    return objects.map(({ key }) => store.locate(key));
  }

  async #usesHttpfs(
    store: ObjectStore,
    remote: RemoteAccess,
    objects: readonly ObjectEntry[],
  ): Promise<boolean> {
    if (remote.reader === 'cache' || (this.#isConfined && remote.reader === 'auto')) return false;
    const eagerBytes = Math.min(EAGER_BYTES, remote.cacheBytes);
    if (remote.reader === 'auto' && (await countMissingBytes(store, remote, objects)) <= eagerBytes)
      return false;
    return this.#loadHttpfs(remote);
  }

  async #loadHttpfs(remote: RemoteAccess): Promise<boolean> {
    this.#hasHttpfs ??= tryHttpfs(this.#run, remote);
    return this.#hasHttpfs;
  }

  async #putSecret(store: ObjectStore, remote: RemoteAccess): Promise<void> {
    if ((this.#secrets.get(store.uri) ?? 0) > Date.now() + EXPIRY_MARGIN_MS) return;
    const connection = await remote.connect();
    const parts = {
      KEY_ID: quoteText(connection.keyId),
      SECRET: quoteText(connection.secret),
      ...(connection.sessionToken === undefined ? {} : { SESSION_TOKEN: quoteText(connection.sessionToken) }),
      REGION: quoteText(connection.region),
      ...(connection.endpoint === undefined ? {} : { ENDPOINT: quoteText(connection.endpoint) }),
      USE_SSL: String(connection.usesTls),
      URL_STYLE: quoteText(connection.isPathStyle ? 'path' : 'vhost'),
      SCOPE: quoteText(`${store.uri}/`),
    };
    const given = Object.entries(parts).map(([name, value]) => `${name} ${value}`);
    const name = `lake_${createHash('sha256').update(store.uri).digest('hex').slice(0, 16)}`;
    try {
      await this.#run(`CREATE OR REPLACE SECRET ${name} (TYPE s3, PROVIDER config, ${given.join(', ')})`);
    } catch {
      // DuckDB's message would quote the statement with the credentials.
      throw new PixlakeError('SQL_FAILED', `DuckDB does not accept the credentials for ${store.uri}`);
    }
    this.#secrets.set(store.uri, connection.expiresMs ?? Number.POSITIVE_INFINITY);
  }
}

/** Loads the extension from the given file, from DuckDB's extension folder, or else from the network. */
async function tryHttpfs(run: (sql: string) => Promise<void>, remote: RemoteAccess): Promise<boolean> {
  const { httpfsPath, reader, cacheDir } = remote;
  const marker = join(cacheDir, 'httpfs-unavailable');
  try {
    if (httpfsPath !== undefined) {
      await run(`LOAD ${quoteText(httpfsPath)}`);
      return true;
    }
    const isLoaded = await run('LOAD httpfs').then(
      () => true,
      () => false,
    );
    if (isLoaded) return true;
    if (reader === 'auto' && (await isRecent(marker))) return false;
    await run('INSTALL httpfs');
    await run('LOAD httpfs');
    return true;
  } catch (error) {
    const [reason = ''] = messageOf(error).split('\n', 1);
    if (reader === 'httpfs' || httpfsPath !== undefined) {
      throw new PixlakeError('HTTPFS_UNAVAILABLE', `DuckDB's httpfs extension cannot be loaded: ${reason}`, {
        cause: error,
        remedy: 'set PIXLAKE_HTTPFS to its file, or use the cache (--s3-reader cache)',
      });
    }
    await mkdir(cacheDir, { recursive: true });
    await writeFile(marker, '');
    log.warn(
      `SQL reads S3 from the cache in ${cacheDir}, because DuckDB's httpfs extension is not available: ${reason}`,
    );
    return false;
  }
}

async function isRecent(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && stats.mtimeMs > Date.now() - ASK_AGAIN_MS;
}
