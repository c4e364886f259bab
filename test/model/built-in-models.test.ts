import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BUILT_IN_MODELS, DEFAULT_MODEL, randomFashionNet } from '../../src/model/built-in-models.ts';
import { parseModelCard } from '../../src/model/model-card.ts';
import { hashModel } from '../../src/model/model-files.ts';
import { makeTestFolder } from '../support/pixlake.ts';

it('names the models that come with pixlake, and says which are trained', () => {
  expect(BUILT_IN_MODELS.map(({ name, isTrained }) => [name, isTrained])).toEqual([
    ['fashion-tiny', true],
    ['fashionnet', false],
    ['fashionnet-small', true],
  ]);
  expect(DEFAULT_MODEL).toBe('fashion-tiny');
  for (const { description, isTrained } of BUILT_IN_MODELS)
    expect(description.includes('untrained'), description).toBe(!isTrained);
  expect.assertions(5);
});

it.each(['fashion-tiny', 'fashionnet-small'])(
  'has the file of %s, which is trained, and its card',
  async (name) => {
    const model = BUILT_IN_MODELS.find((one) => one.name === name);
    if (model === undefined || !('onnxPath' in model)) throw new Error('not a file');
    expect(existsSync(model.onnxPath)).toBe(true);
    const card = parseModelCard(
      JSON.parse(await readFile(model.onnxPath.replace('.onnx', '.json'), 'utf8')),
      'card',
    );
    expect(card).toMatchObject({
      name,
      description: model.description,
      trained: true,
      sha256: await hashModel(model.onnxPath),
    });
  },
);

it('writes the others with a card that says what they are', async () => {
  const model = randomFashionNet('small', 16, 'FashionNet at a sixteenth of its width');
  const path = join(await makeTestFolder(), 'small.onnx');
  const spec = await model.write(path);
  expect(spec).toMatchObject({
    name: 'small',
    description: model.description,
    licence: 'Apache-2.0',
    trained: false,
    sha256: await hashModel(path),
    batchSize: 8,
  });
  // A sixteenth of the published width.
  expect((await readFile(path)).length).toBeLessThan(6_000_000);
  expect(parseModelCard(spec, 'card').outputs).toHaveLength(2);
});
