import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';

/** What a key may do: `read` queries and reads, `run` also starts and stops work, `admin` also reads the server's metrics. Each scope includes the previous ones. */
export const SCOPES = ['read', 'run', 'admin'] as const;

/** One of {@link SCOPES}. */
export type Scope = (typeof SCOPES)[number];

const apiKey = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/u),
  name: z.string(),
  scope: z.enum(SCOPES),
  /** SHA-256 of the secret in hex. The secret has 256 random bits, so a slow hash would add nothing. */
  secretSha256: z.string().regex(/^[0-9a-f]{64}$/u),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().optional(),
  revokedAt: z.iso.datetime().optional(),
});

const keyFile = z.strictObject({ keys: z.array(apiKey) });

/** An API key as it is stored. Only its holder knows the secret. */
export type ApiKey = Readonly<z.output<typeof apiKey>>;

/** Adds a key to a file, which is created if needed, and returns the token to send. The token cannot be shown again. @throws `API_KEYS_INVALID` */
export async function createApiKey(
  path: string,
  { name, scope, expiresMs }: { readonly name: string; readonly scope: Scope; readonly expiresMs?: number },
): Promise<{ readonly key: ApiKey; readonly token: string }> {
  const secret = randomBytes(32).toString('base64url');
  const nowMs = Date.now();
  const key: ApiKey = {
    id: randomBytes(6).toString('hex'),
    name,
    scope,
    secretSha256: hashOf(secret).toString('hex'),
    createdAt: new Date(nowMs).toISOString(),
    ...(expiresMs === undefined ? {} : { expiresAt: new Date(nowMs + expiresMs).toISOString() }),
  };
  const known = (await isThere(path)) ? await listApiKeys(path) : [];
  await writeKeys(path, [...known, key]);
  return { key, token: `pixlake_${key.id}_${secret}` };
}

/** All keys of a file, including expired and revoked ones. @throws `API_KEYS_INVALID` */
export async function listApiKeys(path: string): Promise<readonly ApiKey[]> {
  try {
    return keyFile.parse(JSON.parse(await readFile(path, 'utf8'))).keys;
  } catch (error) {
    throw new PixlakeError('API_KEYS_INVALID', `cannot read the API keys in ${path}: ${reasonOf(error)}`, {
      cause: error,
      remedy: 'create the file with `pixlake keys create`',
    });
  }
}

/** Revokes a key by its id. Servers that use the file refuse it from the next request on. @throws `API_KEYS_INVALID`, `API_KEY_NOT_FOUND` */
export async function revokeApiKey(path: string, id: string): Promise<ApiKey> {
  const keys = await listApiKeys(path);
  const known = keys.find((key) => key.id === id);
  if (known === undefined) throw new PixlakeError('API_KEY_NOT_FOUND', `${path} has no key ${id}`);
  const revoked: ApiKey = { ...known, revokedAt: known.revokedAt ?? new Date().toISOString() };
  await writeKeys(
    path,
    keys.map((key) => (key === known ? revoked : key)),
  );
  return revoked;
}

/** Whether a scope includes another one. */
export function allows(scope: Scope, wanted: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted);
}

const TOKEN = /^pixlake_(?<id>[0-9a-f]{12})_(?<secret>[\w-]{43})$/u;

/** The keys of a file, which is read again when it changes. */
export class ApiKeyRing {
  readonly #path: string;
  #keys: readonly ApiKey[] = [];
  #version = '';

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws `API_KEYS_INVALID` */
  static async open(path: string): Promise<ApiKeyRing> {
    const ring = new ApiKeyRing(path);
    await ring.#refresh();
    return ring;
  }

  /** Finds the valid key of a token. @throws `API_KEYS_INVALID` if the file can no longer be read, so nobody gets in */
  async find(token: string): Promise<ApiKey | undefined> {
    await this.#refresh();
    const { id, secret = '' } = TOKEN.exec(token)?.groups ?? {};
    const key = this.#keys.find((known) => known.id === id);
    // Compared even for an unknown id, so the time does not reveal which ids exist.
    const expected = Buffer.from(key?.secretSha256 ?? '00'.repeat(32), 'hex');
    const isRight = timingSafeEqual(hashOf(secret), expected);
    if (!isRight || key === undefined || key.revokedAt !== undefined) return undefined;
    return key.expiresAt !== undefined && Date.parse(key.expiresAt) <= Date.now() ? undefined : key;
  }

  async #refresh(): Promise<void> {
    const stats = await stat(this.#path, { bigint: true }).catch(() => undefined);
    const version = `${stats?.mtimeNs ?? ''}/${stats?.size ?? ''}/${stats?.ino ?? ''}`;
    if (version === this.#version) return;
    this.#keys = await listApiKeys(this.#path);
    this.#version = version;
  }
}

async function writeKeys(path: string, keys: readonly ApiKey[]): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(partial, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new PixlakeError('OUTPUT_FAILED', `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function reasonOf(error: unknown): string {
  return error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
}
