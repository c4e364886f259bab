import { readFile, rm } from 'node:fs/promises';
import { messageOf, PixlakeError, toPixlakeError } from '../errors.ts';
import { createLake } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Device } from './devices.ts';
import type { FashionNetImport } from './fashionnet/import-fashionnet.ts';
import { labelImage } from './label-images.ts';
import { addModel, listModels, type ModelSummary, resolveModel } from './lake-models.ts';
import type { ModelCard } from './model-card.ts';
import { type ModelFiles, readModel } from './model-files.ts';
import { checkModelRuns, type ModelSession, openModelSession } from './open-session.ts';
import type { Prediction } from './read-output.ts';

/** Whether a model matches its card and runs here. */
export interface ModelVerdict {
  readonly name: string;
  readonly problem: PixlakeError | undefined;
}

/** The predictions for one image file, or the error. */
export interface LabelledImage {
  readonly path: string;
  readonly predictions: readonly Prediction[];
  readonly problem: PixlakeError | undefined;
}

/** The models of a lake and the built-in ones. Calls block the thread while a model is loaded or runs. */
export class ModelLibrary {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** All models, by name. */
  async list(): Promise<ModelSummary[]> {
    return listModels(this.#store);
  }

  /** The card of a model. @throws `MODEL_NOT_FOUND`, `MODEL_CARD_INVALID`, `MODEL_MISMATCH` */
  async show(nameOrPath: string): Promise<ModelCard> {
    return (await resolveModel(this.#store, nameOrPath)).card;
  }

  /**
   * Adds an `.onnx` file with its card, by default the `.json` file with the same name, to the lake after checking that it runs.
   *
   * @throws `MODEL_NOT_FOUND`, `MODEL_CARD_INVALID`, `MODEL_MISMATCH`, `MODEL_FAILED`, `MODEL_EXISTS`
   */
  async add(onnxPath: string, cardPath?: string): Promise<ModelCard> {
    return this.#add(await readModel(onnxPath, cardPath));
  }

  /** Imports a torch checkpoint of FashionNet or of mmfashion into the lake; see `importFashionNet`. */
  async importFashionNet(spec: FashionNetImport): Promise<ModelCard> {
    const { importFashionNet } = await import('./fashionnet/import-fashionnet.ts');
    await createLake(this.#store);
    const scratchDir = await this.#store.makeScratchDir();
    try {
      return await this.#add(await importFashionNet(spec, scratchDir));
    } finally {
      await rm(scratchDir, { recursive: true, force: true });
    }
  }

  /** Checks that the given models, or all models of the lake, match their cards and run. */
  async verify(names?: readonly string[]): Promise<ModelVerdict[]> {
    const known = await this.list();
    const wanted = names ?? known.flatMap(({ name, card }) => (card === undefined ? [] : [name]));
    const verdicts: ModelVerdict[] = [];
    for (const name of wanted) {
      try {
        await checkModelRuns(await resolveModel(this.#store, name));
        verdicts.push({ name, problem: undefined });
      } catch (error) {
        verdicts.push({ name, problem: toPixlakeError(error) });
      }
    }
    return verdicts;
  }

  /** Labels image files one after another, without a transform. @throws `MODEL_…`, `DEVICE_UNAVAILABLE` */
  async *label(
    nameOrPath: string,
    paths: Iterable<string>,
    options: { readonly threads: number; readonly device?: Device | undefined },
  ): AsyncGenerator<LabelledImage> {
    const session = await openModelSession(await resolveModel(this.#store, nameOrPath), options);
    try {
      for (const path of paths) yield await labelFile(session, path);
    } finally {
      await session.close();
    }
  }

  async #add(files: ModelFiles): Promise<ModelCard> {
    await checkModelRuns(files);
    await createLake(this.#store);
    await addModel(this.#store, files);
    return files.card;
  }
}

async function labelFile(session: ModelSession, path: string): Promise<LabelledImage> {
  try {
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new PixlakeError('IMAGE_MISSING', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
    });
    return { path, predictions: await labelImage(session, bytes), problem: undefined };
  } catch (error) {
    return { path, predictions: [], problem: toPixlakeError(error) };
  }
}
