import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

/** Lets code that imports a function of Node by its name meet a stub of it, made by `vi.spyOn` on the module, until the test ends. */
export function stubBuiltin<Stub extends { mockRestore: () => unknown }>(stub: Stub): Stub {
  syncBuiltinESMExports();
  onTestFinished(() => {
    stub.mockRestore();
    syncBuiltinESMExports();
  });
  return stub;
}
