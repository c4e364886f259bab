import { beforeEach, describe, expect, test } from 'vitest';
import {
  findFinishedRun,
  isRemovedSpec,
  listRunFolders,
  REMOVED_SPEC,
} from '../../src/catalog/run-folders.ts';
import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { encodeStored } from '../../src/storage/stored-json.ts';
import { withFaults } from '../support/failing-store.ts';
import { makeTestFolder } from '../support/pixlake.ts';

let store: ObjectStore;

beforeEach(async () => {
  store = openLocalStore(await makeTestFolder());
});

const OLD = Buffer.from('{"shardCount": 3}');
const folderOf = (id: string): string => `runs/r/run_id=${id}`;

/** Writes the specification of an execution, and its end. */
async function put(id: string, spec: Buffer | number, isFinished = true): Promise<void> {
  const bytes =
    typeof spec === 'number' ? encodeStored({ layoutVersion: 2, plannedMs: spec, name: id }) : spec;
  await store.write(`${folderOf(id)}/spec.json`, bytes);
  if (isFinished) await store.write(`${folderOf(id)}/_SUCCESS`, Buffer.from('{}'));
}

describe('the executions of a run', () => {
  test('come with the newest first, whatever their names, and say whether they have finished', async () => {
    await put('b', 1000);
    await put('a', 2000, false);
    await put('d', 1500);
    await put('c', 1500);
    expect(await listRunFolders(store, 'r')).toEqual({
      executions: [
        ['a', 2000, false],
        ['c', 1500, true],
        ['d', 1500, true],
        ['b', 1000, true],
      ].map(([id, plannedMs, isFinished]) => ({
        folder: folderOf(String(id)),
        plannedMs,
        isFinished,
        spec: { layoutVersion: 2, plannedMs, name: id },
      })),
      unreadable: [],
    });
    expect((await findFinishedRun(store, 'r'))?.folder).toBe(folderOf('c'));
  });

  test('are those that were planned and are not being deleted', async () => {
    await store.write(`${folderOf('plan')}/plan/part.parquet`, Buffer.from('x'));
    await put('gone', REMOVED_SPEC);
    expect([isRemovedSpec(REMOVED_SPEC), isRemovedSpec(OLD)]).toEqual([true, false]);
    expect(await listRunFolders(store, 'r')).toEqual({ executions: [], unreadable: [] });
    expect(await findFinishedRun(store, 'r')).toBeUndefined();
  });

  test.each<[string, Buffer, string, string]>([
    ['an older pixlake', OLD, 'RUN_TOO_OLD', `run r in ${folderOf('x')} was written by an older pixlake`],
    ['nobody', Buffer.from('{'), 'RUN_CORRUPT', 'spec.json'],
    ['null', Buffer.from('null'), 'RUN_CORRUPT', 'spec.json'],
    ['another layout', encodeStored({ layoutVersion: 3, plannedMs: 1 }), 'RUN_CORRUPT', 'layoutVersion'],
    [
      'a layout without a plan',
      encodeStored({ layoutVersion: 2, shardCount: 1 }),
      'RUN_CORRUPT',
      'plannedMs',
    ],
    ['neither layout', encodeStored({ plannedMs: 2 }), 'RUN_CORRUPT', 'layoutVersion'],
  ])('that cannot be read are told apart: %s', async (_who, spec, code, message) => {
    await put('x', spec);
    await put('y', spec, false);
    await put('z', 1);
    const { executions, unreadable } = await listRunFolders(store, 'r');
    expect(executions.map(({ folder }) => folder)).toEqual([folderOf('z')]);
    expect(unreadable).toMatchObject([
      { folder: folderOf('x'), isFinished: true, error: { code, message: expect.stringContaining(message) } },
      { folder: folderOf('y'), isFinished: false, error: { code } },
    ]);
  });

  test('fail to be listed where the store fails', async () => {
    await put('x', 1);
    const broken = withFaults(store, { stat: () => Promise.reject(new Error('no disk')) });
    await expect(listRunFolders(broken, 'r')).rejects.toThrow('no disk');
  });
});

describe('the newest execution that has finished', () => {
  test('is known in spite of older layouts, which are older', async () => {
    await put('x', OLD);
    await expect(findFinishedRun(store, 'r')).rejects.toMatchObject({
      code: 'RUN_TOO_OLD',
      remedy: `run it again, or read its rows as a table: pixlake attach <table> ${store.locate(`${folderOf('x')}/manifest`)}`,
    });
    await put('y', 1);
    expect((await findFinishedRun(store, 'r'))?.folder).toBe(folderOf('y'));
  });

  test('is not known if one that has finished is damaged, and is if that one has not', async () => {
    await put('y', 1);
    await put('x', Buffer.from('{'), false);
    expect((await findFinishedRun(store, 'r'))?.folder).toBe(folderOf('y'));
    await put('x', Buffer.from('{'));
    await expect(findFinishedRun(store, 'r')).rejects.toMatchObject({ code: 'RUN_CORRUPT' });
  });
});
