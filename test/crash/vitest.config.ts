import { defineConfig } from 'vitest/config';
import { budgetReporter } from '../support/budget.mjs';

export default defineConfig({
  test: {
    reporters: ['default', budgetReporter(110)],
    include: ['test/crash/*.crash.ts'],
    globalSetup: ['test/support/template-folder.ts'],
    expect: { requireAssertions: true, poll: { timeout: 20_000 } },
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
