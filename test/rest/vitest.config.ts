import { defineConfig } from 'vitest/config';
import { budgetReporter } from '../support/budget.mjs';

export default defineConfig({
  test: {
    reporters: ['default', budgetReporter(400)],
    include: ['test/rest/*.rest.ts'],
    expect: { requireAssertions: true, poll: { timeout: 20_000 } },
    testTimeout: 900_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // Each of them wants the machine for itself.
    fileParallelism: false,
  },
});
