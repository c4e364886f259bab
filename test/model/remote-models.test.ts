import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { log } from '../../src/config.ts';
import { randomFashionNet } from '../../src/model/built-in-models.ts';
import { addModel, openBuiltIn, resolveModel } from '../../src/model/lake-models.ts';
import type { ObjectStore, RemoteAccess } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { withFaults } from '../support/failing-store.ts';
import { keysOf } from '../support/keys-of.ts';
import { writeModel } from './toy-model.ts';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-remote-models-'));
  store = openStore(join(folder, 'lake'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a model of a lake that is not on this machine', () => {
  /** Downloads that were made, and what becomes of the next one. */
  let downloads: string[];
  let remoteStore: ObjectStore;
  beforeEach(() => {
    downloads = [];
    const remote = {
      cacheDir: join(folder, 'cache'),
      async download(key: string, localPath: string, sizeBytes: number) {
        downloads.push(`${key} ${sizeBytes}`);
        await writeFile(localPath, await store.read(key));
      },
    } as RemoteAccess;
    remoteStore = withFaults(store, { remote });
  });

  it('is downloaded once into the cache, by its checksum', async () => {
    const files = await writeModel(folder);
    await addModel(store, files);
    const { size } = await stat(files.onnxPath);
    const onnxPath = join(folder, 'cache', 'models', `${files.sha256}.onnx`);
    const { card, sha256 } = files;
    expect(await resolveModel(remoteStore, 'toy')).toEqual({ card, sha256, onnxPath });
    expect(await resolveModel(remoteStore, 'toy')).toEqual({ card, sha256, onnxPath });
    expect(downloads).toEqual([`models/toy/toy.onnx ${size}`]);
    expect(await readdir(join(folder, 'cache', 'models'))).toEqual([`${files.sha256}.onnx`]);
    // A damaged copy is replaced.
    await truncate(onnxPath, 10);
    expect(await resolveModel(remoteStore, 'toy')).toEqual({ card, sha256, onnxPath });
    expect(downloads).toHaveLength(2);
  });

  it('is refused where its bytes are not those of its card, or gone', async () => {
    await addModel(store, await writeModel(folder));
    await store.write('models/toy/toy.onnx', Buffer.from('other'));
    await expect(resolveModel(remoteStore, 'toy')).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    await store.delete('models/toy/toy.onnx');
    await expect(resolveModel(remoteStore, 'toy')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('leaves nothing in the cache where the download fails', async () => {
    await addModel(store, await writeModel(folder));
    const remote = {
      cacheDir: join(folder, 'cache'),
      download: async (_: string, localPath: string) => {
        await writeFile(localPath, 'half');
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      },
    } as unknown as RemoteAccess;
    await expect(resolveModel(withFaults(store, { remote }), 'toy')).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      message: expect.stringContaining('cannot use') as string,
    });
    expect(await readdir(join(folder, 'cache', 'models'))).toEqual([]);
  });

  it('that comes with pixlake is written into the cache, not into the lake', async () => {
    const warn = vi.spyOn(log, 'warn').mockReturnValue(undefined);
    onTestFinished(() => warn.mockRestore());
    const model = randomFashionNet('random', 64, 'A narrow FashionNet');
    const { onnxPath, card } = await openBuiltIn(remoteStore, model);
    await openBuiltIn(remoteStore, model);
    expect(warn).toHaveBeenCalledExactlyOnceWith(`writing model random to ${onnxPath}, once`);
    const models = join(folder, 'cache', 'models', 'random');
    expect(onnxPath).toBe(join(models, 'random.onnx'));
    expect((await readdir(models)).toSorted()).toEqual(['random.json', 'random.onnx']);
    expect(JSON.parse(await readFile(join(models, 'random.json'), 'utf8'))).toMatchObject({
      name: 'random',
      sha256: card.sha256,
    });
    expect(await keysOf(store)).toEqual([]);
    expect(downloads).toEqual([]);
  });
});
