import { describe, expect, it } from 'vitest';
import { checkModel, imageDims } from '../../src/model/check-model.ts';
import type { ModelCardSpec } from '../../src/model/model-card.ts';
import { TOY_CARD, TOY_OUTPUT, toyCard } from './toy-model.ts';

type Declared = Parameters<typeof checkModel>[0];
type Value = Declared['inputMetadata'][number];

/** A tensor as ONNX Runtime declares it. */
const tensor = (name: string, shape: readonly (number | string)[], type = 'float32') =>
  ({ name, isTensor: true, type, shape }) as unknown as Value;

const INPUT = tensor('pixels', ['batch', 3, 1, 2]);
const OUTPUT = tensor('scores', ['batch', 6]);

function check(
  inputs: readonly Value[],
  outputs: readonly Value[] = [OUTPUT],
  changes: Partial<ModelCardSpec> = {},
) {
  return checkModel(
    { inputMetadata: inputs, outputMetadata: outputs },
    { card: toyCard(changes), onnxPath: 'toy.onnx', sha256: '' },
  );
}

it('the order of an image is that of the layout', () => {
  const { input } = toyCard();
  expect(imageDims({ ...input, width: 5, height: 7, layout: 'NCHW' })).toEqual([3, 7, 5]);
  expect(imageDims({ ...input, width: 5, height: 7, layout: 'NHWC' })).toEqual([7, 5, 3]);
});

describe('a model that matches its card', () => {
  it.each<[string, Value, boolean, string]>([
    ['takes batches of any size', INPUT, false, 'float32'],
    ['takes batches of a size that is not known', tensor('pixels', [-1, 3, 1, 2]), false, 'float32'],
    ['takes batches of a size of zero', tensor('pixels', [0, 3, 1, 2]), false, 'float32'],
    ['takes whole batches', tensor('pixels', [4, 3, 1, 2]), true, 'float32'],
    ['takes float16', tensor('pixels', ['batch', 3, 1, 2], 'float16'), false, 'float16'],
    ['has sides that are not known', tensor('pixels', ['batch', 3, 'height', -1]), false, 'float32'],
    ['has no shape', tensor('pixels', []), false, 'float32'],
  ])('%s', (_, input, isBatchFixed, inputType) => {
    expect(check([input])).toEqual({ isBatchFixed, inputType });
  });

  it('may have outputs that the card does not state, and those of float16', () => {
    expect(check([INPUT], [tensor('more', ['batch', 9]), tensor('scores', ['batch', 6], 'float16')])).toEqual(
      {
        isBatchFixed: false,
        inputType: 'float32',
      },
    );
    const embedding = { name: 'scores', column: 'e', kind: 'embedding', size: 6 } as const;
    expect(check([INPUT], [OUTPUT], { outputs: [embedding] })).toMatchObject({ isBatchFixed: false });
  });
});

describe('a model that does not match its card', () => {
  const none = { name: 'pixels', isTensor: false } as Value;

  it.each<[string, readonly Value[], readonly Value[], string]>([
    ['no input', [], [OUTPUT], 'its inputs are nothing, but the card states the single input "pixels"'],
    [
      'another input',
      [tensor('x', [])],
      [OUTPUT],
      'its inputs are "x", but the card states the single input "pixels"',
    ],
    [
      'two inputs',
      [INPUT, tensor('x', [])],
      [OUTPUT],
      'its inputs are "pixels", "x", but the card states the single input "pixels"',
    ],
    [
      'an input that is no tensor',
      [none],
      [OUTPUT],
      'input "pixels" is not a tensor, and only float32 and float16 are supported',
    ],
    [
      'bytes as input',
      [tensor('pixels', [], 'uint8')],
      [OUTPUT],
      'input "pixels" is uint8, and only float32 and float16 are supported',
    ],
    [
      'another batch',
      [tensor('pixels', [2, 3, 1, 2])],
      [OUTPUT],
      'input "pixels" has shape [2, 3, 1, 2], but the card states [4, 3, 1, 2]',
    ],
    [
      'other sides',
      [tensor('pixels', ['n', 3, 2, 1])],
      [OUTPUT],
      'input "pixels" has shape [n, 3, 2, 1], but the card states [any, 3, 1, 2]',
    ],
    [
      'fewer dimensions',
      [tensor('pixels', [-1, 3, 2])],
      [OUTPUT],
      'input "pixels" has shape [-1, 3, 2], but the card states [any, 3, 1, 2]',
    ],
    [
      'more dimensions',
      [tensor('pixels', [-1, 3, 1, 2, 1])],
      [OUTPUT],
      'input "pixels" has shape [-1, 3, 1, 2, 1], but the card states [any, 3, 1, 2]',
    ],
    ['no output', [INPUT], [], 'its outputs are nothing, but the card states an output "scores"'],
    [
      'other outputs',
      [INPUT],
      [tensor('a', []), tensor('b', [])],
      'its outputs are "a", "b", but the card states an output "scores"',
    ],
    [
      'another size',
      [INPUT],
      [tensor('scores', ['n', 5])],
      'output "scores" has shape [n, 5], but the card states [any, 6]',
    ],
    [
      'whole numbers',
      [INPUT],
      [tensor('scores', ['n', 6], 'int64')],
      'output "scores" is int64, and only float32 and float16 are supported',
    ],
  ])('has %s', (_, inputs, outputs, reason) => {
    expect(() => check(inputs, outputs)).toThrow(
      expect.objectContaining({ code: 'MODEL_MISMATCH', message: `toy.onnx: ${reason}` }),
    );
  });

  it('is found by any of its outputs', () => {
    const outputs = [TOY_OUTPUT, { ...TOY_OUTPUT, name: 'second', column: 'second' }];
    expect(() => check([INPUT], [OUTPUT], { ...TOY_CARD, outputs })).toThrow('states an output "second"');
  });
});
