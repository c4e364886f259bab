import { PixlakeError } from '../../errors.ts';

/** Weights in a pickle of torch: a view of a storage elsewhere in the archive. */
export interface TensorView {
  readonly kind: 'tensor';
  readonly storage: Storage;
  /** In elements, as are the strides. */
  readonly offset: number;
  readonly dims: readonly number[];
  readonly strides: readonly number[];
}

/** Bytes of weights: torch's name of their class, such as `FloatStorage`, and their key in the archive. */
export interface Storage {
  readonly kind: 'storage';
  readonly type: string;
  readonly key: string;
}

/** Possible values in a checkpoint. */
export type Unpickled =
  | null
  | boolean
  | number
  | string
  | TensorView
  | Storage
  | Callable
  | readonly Unpickled[]
  | ReadonlyMap<Unpickled, Unpickled>;

/** The name of a Python callable on the list below. Nothing is looked up or executed. */
interface Callable {
  readonly kind: 'callable';
  readonly name: string;
}

const CALLABLES = new Set([
  'collections.OrderedDict',
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
]);

const STORAGE = /^torch\.(?<type>[A-Z][A-Za-z0-9]*Storage)$/u;

/** The meaning of the name of a Python global. @throws `CHECKPOINT_INVALID` unless it is one that rebuilds tensors */
export function toGlobal(name: string): Unpickled {
  const type = STORAGE.exec(name)?.groups?.['type'];
  if (type !== undefined) return { kind: 'storage', type, key: '' };
  if (CALLABLES.has(name)) return { kind: 'callable', name };
  throw new PixlakeError('CHECKPOINT_INVALID', `the checkpoint contains ${name}, which is refused`, {
    remedy: 'save only the weights: torch.save(model.state_dict(), path)',
  });
}

/** torch's persistent id: ('storage', class, key, location, size). */
export function toStorage(id: Unpickled): Storage {
  const [word, type, key] = id as readonly [string, Storage, string];
  if (word !== 'storage' || type.kind !== 'storage') throw new TypeError('not a storage');
  return { kind: 'storage', type: type.type, key };
}

/** The result of calling one of the callables. */
export function rebuild(callable: Unpickled, given: Unpickled): Unpickled {
  const { name } = callable as Callable;
  const values = given as readonly Unpickled[];
  if (name === 'collections.OrderedDict')
    return new Map(values[0] as readonly [Unpickled, Unpickled][] | undefined);
  if (name === 'torch._utils._rebuild_parameter') return values[0] ?? null;
  if (name !== 'torch._utils._rebuild_tensor_v2') throw new TypeError('not a call');
  const [storage, offset, dims, strides] = values as readonly [Storage, number, number[], number[]];
  return { kind: 'tensor', storage, offset, dims, strides };
}
