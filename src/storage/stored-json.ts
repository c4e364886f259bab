import { hash } from 'node:crypto';
import type { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfPresent } from './read-if-present.ts';

/** Encodes JSON for the lake. Its field `sha256` is a checksum of all other fields, so a flipped bit is detected on reading. */
export function encodeStored(value: Readonly<Record<string, unknown>>): Buffer {
  const sha256 = checksumOf(JSON.stringify(value));
  return Buffer.from(`${JSON.stringify({ ...value, sha256 }, null, 2)}\n`);
}

/**
 * Parses JSON from the lake, checks its checksum, and returns the object without it.
 *
 * @throws `RUN_CORRUPT` naming `place`, for bytes that are torn, empty, or not what was written
 */
export function decodeStored(bytes: Uint8Array, place: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw corrupt(place, bytes.length === 0 ? 'it is empty' : messageOf(error), error);
  }
  if (typeof json !== 'object' || json === null) throw corrupt(place, 'it is not a JSON object');
  const { sha256, ...value } = json as Record<string, unknown>;
  if (sha256 !== checksumOf(JSON.stringify(value))) throw corrupt(place, 'its checksum does not match');
  return value;
}

/** Reads JSON of the lake; `undefined` if it does not exist or is damaged. @throws `STORAGE_…` */
export async function readStored(
  store: ObjectStore,
  key: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const bytes = await readIfPresent(store, key);
  if (bytes === undefined) return undefined;
  try {
    return decodeStored(bytes, key);
  } catch {
    return undefined;
  }
}

/** Like {@link decodeStored}, but accepts JSON without a checksum, as older versions wrote it. @throws `RUN_CORRUPT` naming `place`, `SyntaxError` */
export function decodeStoredOrOlder(bytes: Uint8Array, place: string): unknown {
  const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const hasChecksum = typeof json === 'object' && json !== null && 'sha256' in json;
  return hasChecksum ? decodeStored(bytes, place) : json;
}

/** Checks the fields of stored JSON and fills in those that have defaults. @throws `RUN_CORRUPT` naming `place` and the field */
export function parseStored<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw corrupt(place, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, parsed.error);
}

function checksumOf(text: string): string {
  return hash('sha256', text, 'hex');
}

function corrupt(place: string, problem: string, cause?: unknown): PixlakeError {
  return new PixlakeError('RUN_CORRUPT', `${place} cannot be read: ${problem}`, { cause });
}
