import { open, type FileHandle } from 'node:fs/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { messageOf, PixlakeError } from '../../errors.ts';
import { fromHalf } from '../half-float.ts';
import type { StreamedBytes } from './onnx-writer.ts';
import type { TensorView, Unpickled } from './pickled-values.ts';
import { unpickle } from './unpickle.ts';

/** The weights of a torch checkpoint by name. Disposing closes the file. */
export interface TorchCheckpoint extends AsyncDisposable {
  readonly tensors: ReadonlyMap<string, TensorView>;
  /** Streams a tensor as float32. @throws `CHECKPOINT_INVALID` if its layout or type is not supported */
  read(name: string): StreamedBytes;
}

/** Names under which training scripts nest the weights. */
const NESTED_UNDER = ['state_dict', 'model_state_dict', 'model'];

const MAX_PICKLE_BYTES = 64 * 1024 ** 2;
const CHUNK_BYTES = 1024 ** 2;

/** How elements of each class of storage are converted to float32. */
const DECODERS: Readonly<Record<string, { bytes: number; decode: (chunk: Buffer) => Float32Array }>> = {
  FloatStorage: { bytes: 4, decode: (chunk) => new Float32Array(Uint8Array.from(chunk).buffer) },
  HalfStorage: { bytes: 2, decode: (chunk) => fromHalf(new Uint16Array(Uint8Array.from(chunk).buffer)) },
  DoubleStorage: {
    bytes: 8,
    decode: (chunk) => Float32Array.from(new Float64Array(Uint8Array.from(chunk).buffer)),
  },
  BFloat16Storage: {
    bytes: 2,
    // The upper half of a float32.
    decode: (chunk) => {
      const halves = new Uint16Array(Uint8Array.from(chunk).buffer);
      return new Float32Array(Uint32Array.from(halves, (bits) => bits * 2 ** 16).buffer);
    },
  },
};

/**
 * Opens a file that `torch.save` wrote (torch 1.6 or newer: an uncompressed zip archive with a pickle and the raw weights).
 *
 * @throws `MODEL_NOT_FOUND`, `CHECKPOINT_INVALID`
 */
export async function openTorchCheckpoint(path: string): Promise<TorchCheckpoint> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new PixlakeError('MODEL_NOT_FOUND', `cannot open ${path}: ${messageOf(error)}`, { cause: error });
  });
  try {
    await checkFormat(file, path);
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    try {
      const entries = await listEntries(zip);
      const pickle = entries.get('data.pkl');
      if (pickle === undefined || pickle.uncompressedSize > MAX_PICKLE_BYTES)
        throw new PixlakeError('CHECKPOINT_INVALID', `${path} has no data.pkl, or it is far too large`);
      const order = entries.get('byteorder');
      if (order !== undefined && (await readEntry(zip, order)).toString() !== 'little')
        throw new PixlakeError('CHECKPOINT_INVALID', `${path} was written on a big-endian machine`);
      const tensors = findTensors(unpickle(await readEntry(zip, pickle)), path);
      const starts = await findStarts(zip, entries, tensors);
      return {
        tensors,
        read: (name) => stream(file, tensors, starts, name),
        [Symbol.asyncDispose]: () => file.close(),
      };
    } finally {
      zip.close();
    }
  } catch (error) {
    await file.close();
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('CHECKPOINT_INVALID', `${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
}

async function checkFormat(file: FileHandle, path: string): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  if (buffer.toString('latin1') === 'PK\x03\x04') return;
  throw new PixlakeError('CHECKPOINT_INVALID', `${path} is not a zip archive, which torch writes since 1.6`, {
    remedy: `python -c "import torch; torch.save(torch.load('${path}', weights_only=True), 'new.pth')"`,
  });
}

/** Entries by their names without the archive's folder. */
async function listEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName.replace(/^[^/]*\//u, ''), entry);
      zip.readEntry();
    });
    zip.on('end', resolve);
    zip.on('error', reject);
    zip.readEntry();
  });
  return entries;
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function findTensors(root: Unpickled, path: string): Map<string, TensorView> {
  let dict = root;
  for (const name of NESTED_UNDER) if (dict instanceof Map && dict.has(name)) dict = dict.get(name) ?? null;
  const tensors = new Map<string, TensorView>();
  if (dict instanceof Map) {
    for (const [name, value] of dict as ReadonlyMap<Unpickled, Unpickled>) {
      if (typeof name === 'string' && isTensor(value)) tensors.set(name.replace(/^module\./u, ''), value);
    }
  }
  if (tensors.size > 0) return tensors;
  throw new PixlakeError('CHECKPOINT_INVALID', `${path} contains no named weights`, {
    remedy: 'save them with torch.save(model.state_dict(), path)',
  });
}

function isTensor(value: Unpickled): value is TensorView {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tensor';
}

/** Start and size of each storage in the file, by key. */
async function findStarts(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  tensors: ReadonlyMap<string, TensorView>,
): Promise<Map<string, { start: number; sizeBytes: number }>> {
  const starts = new Map<string, { start: number; sizeBytes: number }>();
  for (const { storage } of tensors.values()) {
    const entry = entries.get(`data/${storage.key}`);
    if (entry === undefined || starts.has(storage.key)) continue;
    if (entry.compressionMethod !== 0)
      throw new PixlakeError('CHECKPOINT_INVALID', 'the weights are compressed, which torch never does');
    const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    starts.set(storage.key, { start, sizeBytes: entry.uncompressedSize });
  }
  return starts;
}

function stream(
  file: FileHandle,
  tensors: TorchCheckpoint['tensors'],
  starts: ReadonlyMap<string, { start: number; sizeBytes: number }>,
  name: string,
): StreamedBytes {
  const tensor = tensors.get(name);
  const place = tensor && starts.get(tensor.storage.key);
  const decoder = tensor && DECODERS[tensor.storage.type];
  if (tensor === undefined || place === undefined || decoder === undefined || !isContiguous(tensor)) {
    const reason =
      decoder === undefined ? (tensor?.storage.type ?? 'missing') : 'a strided view, or without its bytes';
    throw new PixlakeError('CHECKPOINT_INVALID', `weights "${name}" are ${reason}`);
  }
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  const first = place.start + tensor.offset * decoder.bytes;
  const end = first + count * decoder.bytes;
  if (tensor.offset < 0 || end > place.start + place.sizeBytes)
    throw new PixlakeError('CHECKPOINT_INVALID', `weights "${name}" reach beyond their bytes`);
  return {
    length: count * Float32Array.BYTES_PER_ELEMENT,
    async *chunks() {
      for (let at = first; at < end; at += CHUNK_BYTES) {
        const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, end - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        if (bytesRead !== chunk.length)
          throw new PixlakeError('CHECKPOINT_INVALID', `the file ends within weights "${name}"`);
        yield new Uint8Array(decoder.decode(chunk).buffer);
      }
    },
  };
}

/** Whether elements are contiguous, in the order of the dimensions. */
function isContiguous({ dims, strides }: TensorView): boolean {
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    if (dims[axis] !== 1 && strides[axis] !== step) return false;
    step *= dims[axis] ?? 0;
  }
  return true;
}
