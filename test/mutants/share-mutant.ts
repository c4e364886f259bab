import { inject } from 'vitest';

/** What Stryker tells its tests. */
declare module 'vitest' {
  interface ProvidedContext {
    mode: 'dry-run' | 'mutant';
    activeMutant: string;
  }
}

// Threads and processes that tests start take the fault from their environment, and this thread has it before it loads what it tests: so faults
// in what is computed once, when a file is loaded, are noticed as well.
const activeMutant = inject('mode') === 'mutant' ? inject('activeMutant') : undefined;
const shared = globalThis as unknown as Record<
  '__stryker__',
  { activeMutant?: string | undefined } | undefined
>;
const state = (shared['__stryker__'] ??= {});
state.activeMutant = activeMutant;
if (activeMutant === undefined) delete process.env['__STRYKER_ACTIVE_MUTANT__'];
else process.env['__STRYKER_ACTIVE_MUTANT__'] = activeMutant;
