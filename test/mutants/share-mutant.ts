import { beforeEach, inject } from 'vitest';
import { EVERYWHERE, readMutants } from './own-tests.mjs';

/** What Stryker tells its tests. */
declare module 'vitest' {
  interface ProvidedContext {
    mode: 'dry-run' | 'mutant';
    activeMutant: string;
  }
}

/** What Stryker keeps of a process: the fault that is in it, and how often each test met each fault. */
interface State {
  activeMutant?: string | undefined;
  currentTestId?: string;
  mutantCoverage?: { static: object; perTest: Record<string, Record<string, number>> };
}

const shared = globalThis as unknown as Record<'__stryker__', State | undefined>;
const state = (shared['__stryker__'] ??= {});
const isMutant = inject('mode') === 'mutant';

// Threads and processes that tests start take the fault from their environment, and this thread has it before it loads what it tests: so faults
// in what is computed once, when a file is loaded, are noticed as well.
state.activeMutant = isMutant ? inject('activeMutant') : undefined;
if (state.activeMutant === undefined) delete process.env['__STRYKER_ACTIVE_MUTANT__'];
else process.env['__STRYKER_ACTIVE_MUTANT__'] = state.activeMutant;

if (!isMutant && process.env[EVERYWHERE] !== undefined) {
  const met = Object.fromEntries(Array.from(readMutants(process.cwd()).keys(), (id) => [id, 1]));
  beforeEach(() => {
    const { perTest } = (state.mutantCoverage ??= { static: {}, perTest: {} });
    if (state.currentTestId !== undefined) perTest[state.currentTestId] = { ...met };
  });
}
