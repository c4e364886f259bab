import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { PixlakeError } from '../errors.ts';
import { DEFAULT_MODEL } from '../model/built-in-models.ts';
import { DEVICES, type Device } from '../model/devices.ts';
import type { ModelCard } from '../model/model-card.ts';
import type { Prediction } from '../model/read-output.ts';
import { printRemoval } from './removal-report.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { print, printJson } from './print.ts';

interface ImportOptions extends LakeOptions {
  readonly name?: string;
  readonly attributes?: string;
}

interface LabelOptions extends LakeOptions {
  readonly model: string;
  readonly device?: Device;
}

/** `pixlake models …`: manages models. */
export function addModelsCommand(program: Command): void {
  const models = program
    .command('models')
    .summary('list, add, check, try and remove models')
    .description('Manages models: ONNX files with a model card that describes their input and outputs.')
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake models show fashion-tiny
  $ pixlake models add my-classifier.onnx
  $ pixlake models verify`,
    );

  withLakeOptions(
    models.command('list').description('List the models of the lake and the built-in models.'),
  ).action(async (options: LakeOptions) => {
    const found = await (await openLake(options)).models.list();
    if (options.json) return printJson(found);
    print(
      ...found.map(({ name, description, isTrained, isBuiltIn }) => {
        const notes = [...(isBuiltIn ? ['built in'] : []), ...(isTrained ? [] : ['untrained'])];
        return `${name}  ${description}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
      }),
    );
  });

  withLakeOptions(models.command('show <model>').description("Show a model's card.")).action(
    async (model: string, options: LakeOptions) => {
      const card = await (await openLake(options)).models.show(model);
      if (options.json) printJson(card);
      else print(...describeCard(card));
    },
  );

  withLakeOptions(
    models
      .command('add <file.onnx>')
      .description('Add a model to the lake, after checking that it runs and matches its card.')
      .option('--card <file.json>', 'its model card (default: the .json file with the same name)'),
  ).action(async (path: string, options: LakeOptions & { card?: string }) => {
    const card = await (await openLake(options)).models.add(path, options.card);
    printAdded(card, options);
  });

  withLakeOptions(
    models
      .command('import <kind> <checkpoint>')
      .description(
        "Convert a torch checkpoint of a known network, or an ONNX file exported from it, to a model of the lake.\nNo Python is needed, and nothing in the file is executed.\nKinds: fashionnet (also mmfashion's attribute predictor with VGG-16 and landmark pooling). To use your own network,\nexport it to ONNX and add it.",
      )
      .option('--name <name>', 'name of the model (default: the kind)')
      .option(
        '--attributes <file>',
        "file with the names of the attributes: DeepFashion's list_attr_cloth.txt",
      ),
  )
    .addHelpText(
      'after',
      '\nExample:\n  $ pixlake models import fashionnet fashionnet.pth --name deepfashion',
    )
    .action(async (kind: string, checkpoint: string, options: ImportOptions) => {
      if (kind !== 'fashionnet')
        throw new PixlakeError('ARGUMENT_INVALID', `networks of the kind ${kind} cannot be imported`, {
          remedy: 'use fashionnet, or export other networks to ONNX and use `pixlake models add`',
        });
      const { name = kind, attributes } = options;
      const card = await (await openLake(options)).models.importFashionNet({
        checkpoint,
        name,
        ...(attributes === undefined ? {} : { attributes }),
      });
      printAdded(card, options);
    });

  withLakeOptions(
    models
      .command('remove <model>')
      .description(
        'Remove a model from the lake. A model that an unfinished run uses is kept. Finished runs that used it can\nno longer be retried.',
      )
      .option('--dry-run', 'only print what would be removed'),
  )
    .addHelpText('after', '\nExample:\n  $ pixlake models remove my-classifier --dry-run')
    .action(async (name: string, options: LakeOptions & { dryRun?: boolean }) => {
      const report = await (await openLake(options)).models.remove({
        name,
        isDryRun: options.dryRun ?? false,
      });
      if (options.json) printJson(report);
      else printRemoval({ ...report, removed: [report.removed], kept: [] });
    });

  withLakeOptions(
    models
      .command('verify [model...]')
      .description(
        'Check that models match their cards and that they run. The exit code is 5 if one does not.',
      ),
  ).action(async (names: string[], options: LakeOptions) => {
    const verdicts = await (await openLake(options)).models.verify(names.length === 0 ? undefined : names);
    if (options.json) printJson(verdicts.map(({ name, problem }) => ({ name, problem: describe(problem) })));
    else
      print(...verdicts.map(({ name, problem }) => `${name}  ${problem?.message ?? 'as its card states'}`));
    const wrong = verdicts.filter(({ problem }) => problem !== undefined);
    if (wrong.length > 0)
      throw new PixlakeError('VERIFY_FAILED', `wrong models: ${wrong.map(({ name }) => name).join(', ')}`);
  });

  withLakeOptions(
    models
      .command('run <image...>')
      .description('Label image files and print the predictions.')
      .option('--model <name|file.onnx>', 'which model', DEFAULT_MODEL)
      .addOption(new Option('--device <device>', 'device of the model (default: cpu)').choices(DEVICES)),
  )
    .addHelpText('after', '\nExample:\n  $ pixlake models run photo.jpg --model fashion-tiny')
    .action(async (paths: string[], options: LabelOptions) => {
      const { model, device } = options;
      const session = { threads: availableParallelism(), device };
      const failed: string[] = [];
      const results: unknown[] = [];
      for await (const { path, predictions, problem } of (await openLake(options)).models.label(
        model,
        paths,
        session,
      )) {
        if (problem !== undefined) failed.push(path);
        if (options.json) results.push({ path, predictions, problem: describe(problem) });
        else
          print(
            path,
            ...(problem ? [`  ${problem.message} [${problem.code}]`] : predictions.map(describeOne)),
          );
      }
      if (options.json) printJson(results);
      if (failed.length > 0)
        throw new PixlakeError(
          'IMAGE_CORRUPT',
          `${failed.length} of ${paths.length} images were not labelled`,
        );
    });
}

function printAdded(card: ModelCard, { json }: LakeOptions): void {
  if (json) printJson(card);
  else print(`model ${card.name} is in the lake: pixlake run --model ${card.name} …`);
}

function describe(problem: PixlakeError | undefined): { code: string; message: string } | undefined {
  return problem && { code: problem.code, message: problem.message };
}

function describeOne(prediction: Prediction): string {
  if (prediction.kind === 'embedding')
    return `  ${prediction.column}: ${prediction.values.length} numbers (shown with --json)`;
  const ranked = prediction.labels.map(
    (label, rank) => `${label} ${(prediction.scores[rank] ?? 0).toFixed(2)}`,
  );
  return `  ${prediction.column}: ${ranked.slice(0, 5).join(', ') || 'none above the threshold'}`;
}

function describeCard(card: ModelCard): string[] {
  const { input, evaluation } = card;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    `${card.name}: ${card.description}`,
    `licence   ${card.licence}`,
    `source    ${card.source}`,
    `trained   ${card.trained ? 'yes' : 'no: its labels have no meaning'}`,
    `sha256    ${card.sha256}`,
    `input     ${input.name}: ${input.width}x${input.height} ${input.colorOrder} ${input.layout}, ${input.resize}, in batches of ${card.batchSize}`,
    ...card.outputs.map((output) =>
      output.kind === 'embedding'
        ? `output    pred_${output.column}: embedding of ${output.size} values`
        : `output    pred_${output.column}: ${output.kind} over ${output.labels.length} labels`,
    ),
    ...Object.entries(evaluation?.accuracy ?? {}).map(
      ([head, share]) =>
        `accuracy  ${head}: ${percent(share)} of ${evaluation?.rows} images it was not trained on`,
    ),
  ];
}
