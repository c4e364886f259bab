import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  attachmentKey,
  checkLake,
  checkName,
  createLake,
  executionFolder,
  ingestFolder,
  isName,
  originalsFolder,
  runFolder,
  specKey,
  submissionChangesFolder,
  submissionKey,
  successKey,
  tableFolder,
} from '../../src/storage/lake-layout.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

describe('names of tables and runs', () => {
  test.each(['a', '7', 'Train-2_v1.0', 'a.', 'a-', 'x'.repeat(64)])('%s is one', (name) => {
    expect(isName(name)).toBe(true);
    expect(checkName(name)).toBe(name);
  });

  test.each(['', '..', '.a', '-a', '_a', 'a/b', 'a b', ' a', 'a ', 'a\n', 'a..b', 'x'.repeat(65), 'ü', 'aü'])(
    '%j is none',
    (name) => {
      expect(isName(name)).toBe(false);
      expect(() => checkName(name)).toThrow(
        expect.objectContaining({
          code: 'TABLE_NAME_INVALID',
          message: `${JSON.stringify(name)} cannot name a table or run`,
          remedy: expect.stringContaining('1 to 64'),
        }),
      );
    },
  );

  test('a name is told as far as 80 characters', () => {
    expect(() => checkName('x'.repeat(81))).toThrow(`"${'x'.repeat(80)}" cannot`);
  });
});

describe('places in a lake', () => {
  test.each<[string, (name: string) => string, string]>([
    ['a table', tableFolder, 'tables/n'],
    ['the description of an attached table', attachmentKey, 'attached/n.json'],
    ['originals', originalsFolder, 'originals/n'],
    ['an ingest', (name) => ingestFolder(name, '7'), 'ingests/n/7'],
    ['a run', runFolder, 'runs/n'],
    ['an execution', (name) => executionFolder(name, '7'), 'runs/n/run_id=7'],
    ['an accepted run', (name) => submissionKey(name, 0), 'submissions/n.json'],
    ['changes of an accepted run', submissionChangesFolder, 'submissions/changes/n'],
    ['a change of an accepted run', (name) => submissionKey(name, 2), 'submissions/changes/n/2.json'],
  ])('of %s', (_, place, key) => {
    expect(place('n')).toBe(key);
    expect(() => place('../n')).toThrow(expect.objectContaining({ code: 'TABLE_NAME_INVALID' }));
  });

  test('of what an execution begins and ends with', () => {
    expect([specKey('f'), successKey('f')]).toEqual(['f/spec.json', 'f/_SUCCESS']);
  });
});

const open = async (marker?: string): Promise<ObjectStore> => {
  const store = openLocalStore(await makeTestFolder());
  if (marker !== undefined) await writeFile(store.locate('pixlake.json'), marker);
  return store;
};

const markerOf = (store: ObjectStore): Promise<string> => readFile(store.locate('pixlake.json'), 'utf8');

/** A store that cannot be written. */
const readOnly = (store: ObjectStore): ObjectStore => {
  const refuse = () => Promise.reject(new Error('written'));
  return withFaults(store, { write: refuse, writeIfAbsent: refuse });
};

const CURRENT = '{"layoutVersion":2,"features":[]}\n';

describe('a lake', () => {
  test('is none until it is made, and is made once', async () => {
    const store = await open();
    await expect(checkLake(store)).rejects.toMatchObject({
      code: 'LAKE_NOT_FOUND',
      message: `no lake exists at ${store.uri}`,
      remedy: expect.stringContaining('pixlake ingest'),
    });
    await createLake(store);
    expect(await markerOf(store)).toBe(CURRENT);
    await createLake(readOnly(store));
    await checkLake(readOnly(store));
  });

  test.each([
    'garbage',
    '',
    'null',
    '{}',
    '{"layoutVersion":"2"}',
    '{"layoutVersion":1.5}',
    '{"layoutVersion":0}',
    '{"layoutVersion":2,"features":1}',
  ])('is not found where its marker is %j, which stays', async (damaged) => {
    const store = await open(damaged);
    for (const verb of [checkLake, createLake])
      await expect(verb(store)).rejects.toMatchObject({
        code: 'LAKE_NOT_FOUND',
        message: `pixlake.json in ${store.uri} is damaged`,
        remedy: expect.stringContaining(CURRENT.trim()),
      });
    expect(await markerOf(store)).toBe(damaged);
    expect.assertions(3);
  });

  test('says why its marker cannot be read', async () => {
    await expect(checkLake(await open('garbage'))).rejects.toMatchObject({ cause: expect.any(SyntaxError) });
    const denied = withFaults(await open(), { read: () => Promise.reject(new Error('denied')) });
    await expect(checkLake(denied)).rejects.toThrow('denied');
  });

  test('of a later layout is refused by readers and writers', async () => {
    const store = await open('{"layoutVersion":3,"features":["teleport"]}');
    for (const verb of [checkLake, createLake])
      await expect(verb(readOnly(store))).rejects.toMatchObject({
        code: 'LAKE_TOO_NEW',
        message: `the lake at ${store.uri} has layout version 3; this pixlake knows versions up to 2`,
        remedy: 'install a newer pixlake',
      });
    expect.assertions(2);
  });

  test('with features that this pixlake does not know is refused by their names', async () => {
    const store = await open('{"layoutVersion":2,"features":["teleport",7]}');
    for (const verb of [checkLake, createLake])
      await expect(verb(readOnly(store))).rejects.toMatchObject({
        code: 'LAKE_FEATURE_UNSUPPORTED',
        message: `the lake at ${store.uri} uses teleport, 7, which this pixlake does not know`,
        remedy: 'install a newer pixlake',
      });
    expect.assertions(2);
  });

  test('of layout 1 is read as it is, and becomes one of layout 2 by the first write', async () => {
    const store = await open('{"layoutVersion":1}\n');
    await checkLake(readOnly(store));
    await createLake(store);
    expect(await markerOf(store)).toBe(CURRENT);
  });

  test.each([
    [CURRENT, undefined],
    ['{"layoutVersion":3}', 'LAKE_TOO_NEW'],
  ])('that another process makes at the same time is that: %s', async (marker, code) => {
    const store = await open();
    const late = withFaults(store, {
      async writeIfAbsent(key, bytes) {
        await store.write(key, Buffer.from(marker));
        return store.writeIfAbsent(key, bytes);
      },
    });
    const refusal = await createLake(late).catch((error: unknown) => error);
    expect((refusal as { code?: string } | undefined)?.code).toBe(code);
    expect(await markerOf(store)).toBe(marker);
  });
});
