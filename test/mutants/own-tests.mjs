import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';

/** Which tests meet a fault: `own`, that of the name of its file, or `others`. */
export const ROUND = 'PIXLAKE_MUTANTS_ROUND';

/** Whether any test may meet any fault, since threads and processes do not tell which they meet. */
export const EVERYWHERE = 'PIXLAKE_MUTANTS_EVERYWHERE';

/** Which suite's tests are run: the unit tests, or a slower one. */
export const SUITE = 'PIXLAKE_MUTANTS_SUITE';

let fileOfMutant;

/** The file that has each mutant, from the code into which Stryker has put them all. */
export function readMutants(root) {
  const files = new Map();
  for (const name of readdirSync(join(root, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const source = readFileSync(join(root, 'src', name), 'utf8');
    for (const [, id] of source.matchAll(/\bstryMutAct_\w+\("(\d+)"\)/gu)) files.set(id, name);
  }
  return files;
}

/** Of the tests that Stryker wants to run, picks those of this round. The first run, which has no fault, is of all. */
export class OwnTests extends BaseSequencer {
  async sort(files) {
    const { root } = this.ctx.config;
    fileOfMutant ??= readMutants(root);
    const { mode, activeMutant } = this.ctx.getProvidedContext();
    if (mode !== 'mutant') return super.sort(files);
    const own = join('test', fileOfMutant.get(activeMutant)?.replace(/\.ts$/u, '.test.ts') ?? '');
    const isOwn = ({ moduleId }) => relative(root, moduleId) === own;
    return super.sort(files.filter((file) => isOwn(file) === (process.env[ROUND] === 'own')));
  }
}
