import type { InferenceSession } from 'onnxruntime-node';
import { PixlakeError } from '../errors.ts';
import type { ModelInput } from './model-card.ts';
import { valuesPerOutput } from './value-counts.ts';
import type { ModelFiles } from './model-files.ts';

/** Declared inputs and outputs of a model. Strings and negative numbers are dimensions of any size. */
type Declared = Pick<InferenceSession, 'inputMetadata' | 'outputMetadata'>;
type DeclaredValue = InferenceSession.ValueMetadata;
type Dim = number | 'any';

/** Supported element types of inputs and outputs. */
export type FloatType = 'float32' | 'float16';

function isFloatType(type: string): type is FloatType {
  return type === 'float32' || type === 'float16';
}

/** The dimensions of one image in a batch: channels, height and width in the order of the layout. */
export function imageDims({ layout, width, height }: ModelInput): readonly [number, number, number] {
  return layout === 'NCHW' ? [3, height, width] : [height, width, 3];
}

/**
 * Compares the declarations of a loaded model with its card. With `isBatchFixed` it only runs full batches;
 * `inputType` is the element type of the batch.
 * Open shapes are accepted here and checked when the model runs.
 * @throws MODEL_MISMATCH naming the file and the input or output that differs.
 */
export function checkModel(
  { inputMetadata, outputMetadata }: Declared,
  { card, onnxPath }: ModelFiles,
): { readonly isBatchFixed: boolean; readonly inputType: FloatType } {
  const [declared, ...others] = inputMetadata;
  if (declared?.name !== card.input.name || others.length > 0) {
    throw mismatch(
      onnxPath,
      `its inputs are ${namesOf(inputMetadata)}, but the card states the single input "${card.input.name}"`,
    );
  }
  const batchDim = declared.isTensor ? declared.shape[0] : undefined;
  const isBatchFixed = typeof batchDim === 'number' && batchDim > 0;
  checkTensor(declared, [isBatchFixed ? card.batchSize : 'any', ...imageDims(card.input)], 'input', onnxPath);

  for (const output of card.outputs) {
    const { name } = output;
    const value = outputMetadata.find((candidate) => candidate.name === name);
    if (value === undefined) {
      throw mismatch(
        onnxPath,
        `its outputs are ${namesOf(outputMetadata)}, but the card states an output "${name}"`,
      );
    }
    checkTensor(value, ['any', valuesPerOutput(output)], 'output', onnxPath);
  }
  return {
    isBatchFixed,
    inputType: declared.isTensor && declared.type === 'float16' ? 'float16' : 'float32',
  };
}

function checkTensor(
  value: DeclaredValue,
  stated: readonly Dim[],
  role: 'input' | 'output',
  onnxPath: string,
): void {
  if (!value.isTensor || !isFloatType(value.type)) {
    const found = value.isTensor ? value.type : 'not a tensor';
    throw mismatch(
      onnxPath,
      `${role} "${value.name}" is ${found}, and only float32 and float16 are supported`,
    );
  }
  const { shape } = value;
  // ONNX Runtime returns no dimensions if the model declares none.
  if (shape.length === 0) return;
  const isAsStated =
    shape.length === stated.length && stated.every((dim, index) => mightBe(shape[index], dim));
  if (!isAsStated) {
    throw mismatch(
      onnxPath,
      `${role} "${value.name}" has shape [${shape.join(', ')}], but the card states [${stated.join(', ')}]`,
    );
  }
}

function mightBe(declared: number | string | undefined, stated: Dim): boolean {
  return stated === 'any' || typeof declared !== 'number' || declared < 0 || declared === stated;
}

function namesOf(values: readonly DeclaredValue[]): string {
  return values.map(({ name }) => `"${name}"`).join(', ') || 'nothing';
}

function mismatch(onnxPath: string, reason: string): PixlakeError {
  return new PixlakeError('MODEL_MISMATCH', `${onnxPath}: ${reason}`);
}
