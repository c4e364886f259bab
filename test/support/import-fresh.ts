import { join } from 'node:path';

let count = 0;

/** Loads a file of `src/` anew, so what it computes when it is loaded, or once, is computed again. */
export async function importFresh<Module>(file: string): Promise<Module> {
  count += 1;
  const path = `${join(import.meta.dirname, '../../src', file)}?fresh=${count}.ts`;
  return (await import(path)) as Module;
}
