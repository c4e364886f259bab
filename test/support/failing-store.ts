import { openLocalStore } from '../../src/storage/local-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** A store some of whose methods are replaced, also where it is bound to a signal. */
export function withFaults(store: ObjectStore, faults: Partial<ObjectStore>): ObjectStore {
  const faulty: ObjectStore = new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(faults, name);
      if (own !== undefined) return own;
      if (name === 'withSignal') return () => faulty;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return faulty;
}

/** A store on a folder that stands for a process that is killed: it writes and deletes `allowed` objects, and throws from then on. */
export function openFailingStore(root: string, allowed: number): ObjectStore {
  const store = openLocalStore(root);
  let left = allowed;
  const spend = (): void => {
    if (left === 0) throw new Error('killed');
    left -= 1;
  };
  return withFaults(store, {
    write: async (key, bytes) => {
      spend();
      await store.write(key, bytes);
    },
    writeIfAbsent: async (key, bytes, options) => {
      spend();
      return store.writeIfAbsent(key, bytes, options);
    },
    moveIn: async (key, path) => {
      spend();
      await store.moveIn(key, path);
    },
    delete: async (key) => {
      spend();
      await store.delete(key);
    },
    deleteMany: async (keys) => {
      for (const key of keys) {
        spend();
        await store.deleteMany([key]);
      }
    },
  });
}

/** A store whose first commit to any table comes right after another one: what `first` does. */
export function withCommitBefore(store: ObjectStore, first: () => Promise<unknown>): ObjectStore {
  let isFirst = true;
  return withFaults(store, {
    async writeIfAbsent(key, bytes, options) {
      if (isFirst && key.includes('/_delta_log/')) {
        isFirst = false;
        await first();
      }
      return store.writeIfAbsent(key, bytes, options);
    },
  });
}
