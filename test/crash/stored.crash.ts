import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSuccess } from '../../src/run/success.ts';
import { driveShards } from '../../src/run/drive-shards.ts';
import { executionKeys } from '../../src/run/execution.ts';
import { planRun } from '../../src/run/plan-run.ts';
import { parseRunSpec } from '../../src/run/run-spec.ts';
import { decodeStored, encodeStored } from '../../src/storage/stored-json.ts';
import { keysOf } from '../support/keys-of.ts';
import {
  makeContext,
  makeLake,
  makeRandom,
  queryRows,
  runWith,
  type TestLake,
  wrapAttempts,
} from '../support/run-in-process.ts';

const SPEC = { name: 'stored', sql: 'SELECT * FROM images', shardSize: 1, copies: 2 };

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Ways in which an object may be other than it was written, but for those that leave its meaning. */
function damage(whole: Buffer, foreign: readonly Buffer[]): (readonly [string, Buffer])[] {
  const random = makeRandom(8);
  const flipped = Array.from({ length: 8 }, (_, index) => {
    const bytes = Buffer.from(whole);
    // White space behind the JSON has no meaning.
    const place = Math.floor(random() * (whole.length - 1));
    bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << Math.floor(random() * 7)), place);
    return [`flipped ${index}`, bytes] as const;
  });
  return [
    ['empty', Buffer.alloc(0)],
    ['one byte', whole.subarray(0, 1)],
    ['half', whole.subarray(0, whole.length >> 1)],
    ['all but the brace', whole.subarray(0, whole.lastIndexOf('}'))],
    ['zeros', Buffer.alloc(whole.length)],
    ['no object', Buffer.from('null')],
    ['a list', Buffer.from('[]')],
    ['without fields', encodeStored({})],
    ['of other fields', encodeStored({ shard: 0, block: 0, imageCount: 'many' })],
    ['without checksum', Buffer.from(JSON.stringify(decodeStored(whole, 'whole')))],
    ...flipped.filter(([, bytes]) => !isSame(bytes, whole)),
    ...foreign.map((bytes, index) => [`foreign ${index}`, bytes] as const),
  ];
}

/** Whether two texts are the same JSON: a flipped bit may make one kind of white space of another. */
function isSame(one: Buffer, other: Buffer): boolean {
  try {
    return JSON.stringify(JSON.parse(one.toString())) === JSON.stringify(JSON.parse(other.toString()));
  } catch {
    return false;
  }
}

/** Runs all shards and stops before the commit: before their block is merged, or right after. */
async function runToCommit(lake: TestLake, spec: typeof SPEC, isMerged: boolean): Promise<void> {
  const stop = new Error('stopped before the commit');
  const context = makeContext(lake.store);
  const execution = await planRun(context, parseRunSpec(spec, 'test'));
  // The outcome of the last shard is lost, so its block is not merged.
  const executor = wrapAttempts(context.executor, async ({ shard }, attempt) => {
    const outcome = await attempt();
    if (isMerged || shard < execution.shardCount - 1) return outcome;
    throw stop;
  });
  const driven = driveShards({ ...context, executor }, execution);
  if (isMerged) await driven;
  else await expect(driven).rejects.toThrow(stop.message);
}

/** What a run leaves that does not tell the time: hashes of images, parts, errors and plan, and the rows of its manifest. */
async function resultOf(lake: TestLake, folder: string): Promise<unknown> {
  const files: Record<string, string> = {};
  for (const key of await keysOf(lake.store, folder))
    if (/\.(?:jpg|parquet)$/u.test(key)) files[key] = sha256(await lake.store.read(key));
  expect(await lake.lakehouse.tables.verify('runs.stored', true)).toMatchObject({ problems: [] });
  return { files, rows: await queryRows(lake, 'SELECT * FROM runs.stored ORDER BY image_id') };
}

async function removeRun(lake: TestLake): Promise<void> {
  await rm(join(lake.uri, 'runs/stored'), { recursive: true });
}

test('markers that are torn, flipped or those of others say that a shard is not done, and it is done again', async () => {
  const lake = await makeLake(24);
  const { folder } = await runWith(lake.store, SPEC);
  const undisturbed = await resultOf(lake, folder);
  const other = await runWith(lake.store, {
    ...SPEC,
    name: 'other',
    sql: 'SELECT * FROM images ORDER BY id',
  });
  await removeRun(lake);
  await runToCommit(lake, SPEC, false);
  const key = (shard: number, of = folder): string => executionKeys.shard(of, shard);
  const foreign = [await lake.store.read(key(20)), await lake.store.read(key(19, other.folder))];
  const damages = damage(await lake.store.read(key(0)), foreign);
  expect(damages.length).toBeLessThanOrEqual(20);
  for (const [shard, [, bytes]] of damages.entries()) await lake.store.write(key(shard), bytes);
  await lake.store.write(key(19), foreign[1] ?? Buffer.alloc(0));
  expect(await runWith(lake.store, SPEC)).toMatchObject({ outcome: 'finished', imageCount: 48 });
  expect(await resultOf(lake, folder)).toEqual(undisturbed);
});

test('so do those of blocks', async () => {
  const lake = await makeLake(6);
  const { folder } = await runWith(lake.store, SPEC);
  const undisturbed = await resultOf(lake, folder);
  const other = await runWith(lake.store, {
    ...SPEC,
    name: 'other',
    sql: 'SELECT * FROM images ORDER BY id',
  });
  const key = executionKeys.block(folder, 0);
  const whole = await lake.store.read(key);
  const foreign = await lake.store.read(executionKeys.block(other.folder, 0));
  const shifted = encodeStored({ ...decodeStored(whole, key), block: 1 });
  const damages = damage(whole, [foreign, shifted]);
  expect(damages.length).toBeGreaterThan(12);
  for (const [name, bytes] of damages) {
    await removeRun(lake);
    await runToCommit(lake, SPEC, true);
    await lake.store.write(key, bytes);
    expect(await runWith(lake.store, SPEC), name).toMatchObject({ outcome: 'finished', imageCount: 12 });
    expect(await resultOf(lake, folder), name).toEqual(undisturbed);
  }
}, 120_000);

test('a block whose data file has gone or is torn is merged again', async () => {
  const lake = await makeLake(6);
  const { folder } = await runWith(lake.store, SPEC);
  const undisturbed = await resultOf(lake, folder);
  for (const length of [undefined, 0, 100]) {
    await removeRun(lake);
    await runToCommit(lake, SPEC, true);
    const [key = ''] = await keysOf(lake.store, executionKeys.manifest(folder));
    const path = lake.store.locate(key);
    if (length === undefined) await rm(path);
    else await writeFile(path, (await readFile(path)).subarray(0, length));
    expect(await runWith(lake.store, SPEC)).toMatchObject({ outcome: 'finished', imageCount: 12 });
    expect(await resultOf(lake, folder)).toEqual(undisturbed);
  }
});

test('a damaged _SUCCESS is written again by the same command, and disturbs no reader', async () => {
  const lake = await makeLake(6);
  const { folder } = await runWith(lake.store, SPEC);
  const undisturbed = await resultOf(lake, folder);
  const other = await runWith(lake.store, { ...SPEC, name: 'other', copies: 1 });
  const key = executionKeys.success(folder);
  const whole = await lake.store.read(key);
  const damages = damage(whole, [await lake.store.read(executionKeys.success(other.folder))]);
  expect(damages.length).toBeGreaterThan(12);
  for (const [name, bytes] of damages) {
    await lake.store.write(key, bytes);
    expect(await lake.lakehouse.runs.show('stored'), name).toMatchObject({
      state: 'finished',
      imageCount: 12,
    });
    expect(await resultOf(lake, folder), name).toEqual(undisturbed);
    expect(await runWith(lake.store, SPEC), name).toMatchObject({ outcome: 'finished', imageCount: 12 });
    expect(await readSuccess(lake.store, folder), name).toMatchObject({ imageCount: 12, errorCount: 0 });
    expect(await runWith(lake.store, SPEC), name).toMatchObject({ outcome: 'repeated', imageCount: 12 });
  }
});

describe('a damaged spec.json', () => {
  test('is named by whatever needs it, and the rest of the lake is there', async () => {
    const lake = await makeLake(3);
    const { folder } = await runWith(lake.store, SPEC);
    const other = await runWith(lake.store, { ...SPEC, name: 'other', copies: 1 });
    const key = executionKeys.spec(folder);
    const whole = await lake.store.read(key);
    const damages = damage(whole, []);
    expect(damages.length).toBeGreaterThan(10);
    const named = { code: 'RUN_CORRUPT', message: expect.stringContaining(key) };
    for (const [name, bytes] of damages) {
      await lake.store.write(key, bytes);
      await expect(runWith(lake.store, SPEC), name).rejects.toMatchObject(named);
      await expect(lake.lakehouse.runs.show('stored'), name).rejects.toMatchObject(named);
      await expect(queryRows(lake, 'FROM runs.stored'), name).rejects.toMatchObject(named);
      const { runs, unreadable } = await lake.lakehouse.runs.list();
      expect(runs.map(({ execution }) => execution.run.name)).toEqual(['other']);
      expect(unreadable).toMatchObject([{ name: 'stored', folder, ...named }]);
      expect(await queryRows(lake, 'FROM runs.other')).toHaveLength(3);
      const tables = await lake.lakehouse.tables.list();
      expect(tables.map((table) => table.name)).toEqual(['images', 'runs.other']);
    }
    await lake.store.write(key, await lake.store.read(executionKeys.spec(other.folder)));
    await expect(runWith(lake.store, SPEC)).rejects.toMatchObject(named);
    await expect(lake.lakehouse.runs.show('stored')).rejects.toMatchObject(named);
    await lake.store.write(key, whole);
    expect(await runWith(lake.store, SPEC)).toMatchObject({ outcome: 'repeated' });
  });
});
