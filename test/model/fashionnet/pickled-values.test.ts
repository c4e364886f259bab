import { describe, expect, it } from 'vitest';
import { rebuild, toGlobal, toStorage } from '../../../src/model/fashionnet/pickled-values.ts';

describe('the name of a Python global', () => {
  it.each(['FloatStorage', 'HalfStorage', 'BFloat16Storage', 'LongStorage'])(
    'is a class of bytes: torch.%s',
    (type) => {
      expect(toGlobal(`torch.${type}`)).toEqual({ kind: 'storage', type, key: '' });
    },
  );

  it.each(['collections.OrderedDict', 'torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_parameter'])(
    'is a callable that rebuilds weights: %s',
    (name) => {
      expect(toGlobal(name)).toEqual({ kind: 'callable', name });
    },
  );

  it.each([
    'os.system',
    'torch.storage',
    'torch.floatStorage',
    'torch.cuda.FloatStorage',
    'x.torch.FloatStorage',
    'torch.FloatStorages',
  ])('is refused with the remedy: %s', (name) => {
    expect(() => toGlobal(name)).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_INVALID',
        message: `the checkpoint contains ${name}, which is refused`,
        remedy: expect.stringContaining('state_dict') as string,
      }),
    );
  });
});

describe('a persistent id', () => {
  it('names the bytes of weights', () => {
    const id = ['storage', { kind: 'storage', type: 'HalfStorage', key: '' }, '17', 'cpu', 4] as const;
    expect(toStorage(id)).toEqual({ kind: 'storage', type: 'HalfStorage', key: '17' });
  });

  it.each([
    ['of another word', ['module', { kind: 'storage', type: 'HalfStorage', key: '' }, '17']],
    ['of no storage', ['storage', { kind: 'callable', name: 'collections.OrderedDict' }, '17']],
  ] as const)('%s is none', (_, id) => {
    expect(() => toStorage(id)).toThrow(TypeError);
  });
});

describe('a call', () => {
  const call = (name: string) => ({ kind: 'callable', name }) as const;
  const storage = { kind: 'storage', type: 'FloatStorage', key: '0' } as const;

  it('makes a dictionary of pairs, or an empty one', () => {
    expect(rebuild(call('collections.OrderedDict'), [])).toEqual(new Map());
    expect(
      rebuild(call('collections.OrderedDict'), [
        [
          ['a', 1],
          ['b', 2],
        ],
      ]),
    ).toEqual(
      new Map<string, number>([
        ['a', 1],
        ['b', 2],
      ]),
    );
  });

  it('makes weights of their bytes', () => {
    const rebuilt = rebuild(call('torch._utils._rebuild_tensor_v2'), [
      storage,
      5,
      [2, 3],
      [3, 1],
      false,
      new Map(),
    ]);
    expect(rebuilt).toEqual({ kind: 'tensor', storage, offset: 5, dims: [2, 3], strides: [3, 1] });
    expect(rebuild(call('torch._utils._rebuild_parameter'), [rebuilt, true])).toBe(rebuilt);
    expect(rebuild(call('torch._utils._rebuild_parameter'), [])).toBeNull();
  });

  it('of something that cannot be called is an error', () => {
    expect(() => rebuild(storage, [])).toThrow(TypeError);
  });
});
