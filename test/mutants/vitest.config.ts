import { defineConfig } from 'vitest/config';
import unit from '../../vitest.config.ts';
import crash from '../crash/vitest.config.ts';
import rest from '../rest/vitest.config.ts';
import s3 from '../s3/vitest.config.ts';
import { OwnTests, SUITE } from './own-tests.mjs';

const suites: Record<string, typeof unit> = { unit, crash, rest, s3 };
const suite = suites[process.env[SUITE] ?? 'unit'] ?? unit;

/** The tests of a suite, as Stryker runs them. */
export default defineConfig({
  test: {
    ...suite.test,
    reporters: [],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    setupFiles: ['test/mutants/share-mutant.ts'],
    sequence: { sequencer: OwnTests },
  },
});
