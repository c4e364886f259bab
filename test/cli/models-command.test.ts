import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TOY_MODEL, writeModel } from '../model/toy-model.ts';
import { drawJpeg } from '../support/catalogue.ts';
import { makeTestFolder, pixlake, pixlakeJson } from '../support/pixlake.ts';
import { usePlainLake } from './plain-lake.ts';

const shared = usePlainLake(1);

test('models are listed and shown, those built in too', async () => {
  const { lake } = shared;
  const { stdout } = await pixlake(lake, 'models', 'list');
  expect(stdout).toMatch(/^fashion-tiny {2}.+ \(built in\)$/mu);
  expect(stdout).toMatch(/^fashionnet-small {2}.+ \(built in\)$/mu);
  expect(stdout).toMatch(/^fashionnet {2}.+ \(built in, untrained\)$/mu);
  expect(await pixlakeJson<{ name: string }[]>(lake, 'models', 'list')).toContainEqual(
    expect.objectContaining({ name: 'fashion-tiny', isBuiltIn: true, isTrained: true }),
  );
  const shown = (await pixlake(lake, 'models', 'show', 'fashion-tiny')).stdout;
  expect(shown).toMatch(
    /^fashion-tiny: .+\nlicence {3}.+\nsource {4}.+\ntrained {3}yes\nsha256 {4}[0-9a-f]{64}\n/u,
  );
  expect(shown).toMatch(/^output {4}pred_\w+: embedding of \d+ values$/mu);
  expect(
    await pixlakeJson<{ name: string; trained: boolean }>(lake, 'models', 'show', 'fashion-tiny'),
  ).toMatchObject({
    name: 'fashion-tiny',
    trained: true,
  });
  expect(shown).toMatch(/^accuracy {2}\w+: [\d.]+ % of \d+ images it was not trained on$/mu);
});

test('a model is added, labels images, is verified, and removed', async () => {
  const { lake } = shared;
  const { onnxPath } = await writeModel(await makeTestFolder(), TOY_MODEL, { trained: true });
  expect((await pixlake(lake, 'models', 'add', onnxPath)).stdout).toBe(
    'model toy is in the lake: pixlake run --model toy …\n',
  );
  expect((await pixlake(lake, 'models', 'list')).stdout).toMatch(/^toy {2}gives its input back$/mu);
  expect((await pixlake(lake, 'du')).stdout).toMatch(/^ *[\d.]+ k?B {2}model toy$/mu);
  expect((await pixlake(lake, 'models', 'verify', 'toy')).stdout).toBe('toy  as its card states\n');
  const folder = await makeTestFolder();
  const [good, bad] = [join(folder, 'good.jpg'), join(folder, 'bad.jpg')];
  await writeFile(good, await drawJpeg(1));
  await writeFile(bad, 'no image');
  const labelled = await pixlake(lake, 'models', 'run', bad, good, good, '--model', 'toy');
  expect(labelled).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('1 of 3 images were not labelled [IMAGE_CORRUPT]'),
  });
  const [badPath, problem, goodPath, prediction = '', again, same] = labelled.stdout.trimEnd().split('\n');
  expect([badPath, goodPath, again, same]).toEqual([bad, good, good, prediction]);
  expect(problem).toMatch(/^ {2}.+ \[IMAGE_\w+\]$/u);
  const scores = Array.from(prediction.matchAll(/ [a-f] ([01]\.\d\d)/gu), ([, score]) => Number(score));
  expect(prediction).toMatch(/^ {2}toy: [a-f] /u);
  expect(scores).toHaveLength(3);
  expect(scores).toEqual(scores.toSorted((one, other) => other - one));
  expect(scores[0]).toBeGreaterThan(0);
  const [first, second] = JSON.parse(
    (await pixlake(lake, 'models', 'run', bad, good, '--model', 'toy', '--json')).stdout,
  ) as [object, object];
  expect(first).toMatchObject({ path: bad, problem: { code: expect.any(String) } });
  expect(second).toMatchObject({ path: good, predictions: [expect.any(Object)] });

  const stored = join(lake, 'models/toy/toy.onnx');
  const whole = await readFile(stored);
  await writeFile(stored, whole.subarray(1));
  const wrong = await pixlake(lake, 'models', 'verify', 'toy', '--json');
  expect(wrong).toMatchObject({ code: 5, stderr: expect.stringContaining('VERIFY_FAILED') });
  expect(JSON.parse(wrong.stdout)).toMatchObject([{ name: 'toy', problem: { code: 'MODEL_MISMATCH' } }]);
  expect((await pixlake(lake, 'models', 'remove', 'toy', '--dry-run')).stdout).toMatch(
    /^would remove models\/toy: 2 files /u,
  );
  expect((await pixlake(lake, 'models', 'remove', 'toy')).stdout).toMatch(/^removed models\/toy: 2 files /u);
});

test.each([
  [['show', 'none'], 3, '[MODEL_NOT_FOUND]'],
  [['add', 'none.onnx'], 3, '[MODEL_NOT_FOUND]'],
  [['remove', 'fashion-tiny'], 3, '[MODEL_NOT_FOUND]'],
  [['import', 'resnet', 'x.pth'], 2, 'kind resnet cannot be imported [ARGUMENT_INVALID]'],
  [['import', 'fashionnet', 'none.pth'], 3, 'none.pth'],
  [['import', 'fashionnet'], 2, "missing required argument 'checkpoint'"],
  [['run', 'x.jpg', '--device', 'abacus'], 2, 'Allowed choices are'],
])('models %j exits with %i', async (args, code, text) => {
  expect(await pixlake(shared.lake, 'models', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
