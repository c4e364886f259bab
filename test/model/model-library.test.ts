import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listModels } from '../../src/model/lake-models.ts';
import { ModelLibrary } from '../../src/model/model-library.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { TOY_MODEL, TOY_OUTPUT, writeModel } from './toy-model.ts';

let folder: string;
let library: ModelLibrary;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pixlake-library-'));
  library = new ModelLibrary(openStore(join(folder, 'lake')));
});
afterEach(() => rm(folder, { recursive: true }));

const nameOf = ({ name }: { readonly name: string }): string => name;

describe('adding', () => {
  it('makes a lake, and the model can be listed, shown and verified', async () => {
    const files = await writeModel(folder);
    expect(await library.add(files.onnxPath)).toEqual(files.card);
    expect(await library.add(files.onnxPath)).toEqual(files.card);
    expect((await readdir(join(folder, 'lake'))).toSorted()).toEqual(['.tmp', 'models', 'pixlake.json']);
    expect(await readdir(join(folder, 'lake', '.tmp'))).toEqual([]);
    expect(await library.list()).toEqual(await listModels(openStore(join(folder, 'lake'))));
    expect((await library.list()).map(nameOf)).toContain('toy');
    expect(await library.show('toy')).toEqual(files.card);
    expect(await library.verify(['toy'])).toEqual([{ name: 'toy', problem: undefined }]);
  });

  it('takes the card that is named', async () => {
    const files = await writeModel(folder);
    const cardPath = join(folder, 'elsewhere.json');
    await rename(join(folder, 'toy.json'), cardPath);
    await expect(library.add(files.onnxPath)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(await library.add(files.onnxPath, cardPath)).toEqual(files.card);
  });

  it('is refused where the card does not fit, and makes no lake', async () => {
    const { onnxPath } = await writeModel(folder, TOY_MODEL, {
      outputs: [{ ...TOY_OUTPUT, labels: ['a', 'b'], topK: 2 }],
    });
    await expect(library.add(onnxPath)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
    expect((await library.list()).map(nameOf)).not.toContain('toy');
    expect((await readdir(folder)).toSorted()).toEqual(['toy.json', 'toy.onnx']);
  });
});

describe('verifying', () => {
  it('finds what is damaged, and goes on with the others', async () => {
    const { onnxPath } = await writeModel(folder);
    await library.add(onnxPath);
    const path = join(folder, 'lake', 'models', 'toy', 'toy.onnx');
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0, 20, 30));
    // Those that were never written have nothing to be verified.
    expect(await library.verify()).toEqual([
      { name: 'fashion-tiny', problem: undefined },
      { name: 'fashionnet-small', problem: undefined },
      { name: 'toy', problem: expect.objectContaining({ code: 'MODEL_MISMATCH' }) as Error },
    ]);
  });

  it('tells of names that are none, in their order', async () => {
    const { onnxPath } = await writeModel(folder);
    expect(await library.verify(['resnet', onnxPath])).toEqual([
      { name: 'resnet', problem: expect.objectContaining({ code: 'MODEL_NOT_FOUND' }) as Error },
      { name: onnxPath, problem: undefined },
    ]);
    expect(await library.verify([])).toEqual([]);
  });
});

describe('labelling', () => {
  it('is of image files one after another, and tells which could not be labelled', async () => {
    const { onnxPath } = await writeModel(folder);
    const [image, broken, absent] = ['image.jpg', 'broken.jpg', 'absent.jpg'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    await writeFile(image, await drawJpeg(3));
    await writeFile(broken, 'no image');
    const results: unknown[] = [];
    for await (const result of library.label(onnxPath, [image, broken, absent], { threads: 1 }))
      results.push(result);
    expect(results).toEqual([
      {
        path: image,
        predictions: [expect.objectContaining({ kind: 'labels', column: 'toy' })],
        problem: undefined,
      },
      { path: broken, predictions: [], problem: expect.objectContaining({ code: 'IMAGE_UNSUPPORTED' }) },
      {
        path: absent,
        predictions: [],
        problem: expect.objectContaining({
          code: 'IMAGE_MISSING',
          message: expect.stringContaining(`cannot read ${absent}`) as string,
          cause: expect.objectContaining({ code: 'ENOENT' }) as Error,
        }),
      },
    ]);
  });

  it('is refused where there is no such model, or its file is damaged', async () => {
    const label = async (name: string) => library.label(name, [], { threads: 1 }).next();
    await expect(label('resnet')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const { onnxPath } = await writeModel(folder);
    expect(await label(onnxPath)).toEqual({ done: true, value: undefined });
    await truncate(onnxPath, 9);
    await expect(label(onnxPath)).rejects.toMatchObject({ code: 'MODEL_MISMATCH' });
  });
});

it('importing leaves nothing temporary, also where it fails', async () => {
  const checkpoint = join(folder, 'absent.pth');
  await expect(library.importFashionNet({ checkpoint, name: 'mine' })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
  });
  expect(await readdir(join(folder, 'lake', '.tmp'))).toEqual([]);
});
