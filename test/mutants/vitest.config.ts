import { defineConfig } from 'vitest/config';
import unitTests from '../../vitest.config.ts';
import { OwnTests } from './own-tests.mjs';

/** The unit tests, as Stryker runs them. */
export default defineConfig({
  test: {
    ...unitTests.test,
    reporters: [],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    setupFiles: ['test/mutants/share-mutant.ts'],
    sequence: { sequencer: OwnTests },
  },
});
