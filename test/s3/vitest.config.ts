import { defineConfig } from 'vitest/config';
import { budgetReporter } from '../support/budget.mjs';

export default defineConfig({
  test: {
    reporters: ['default', budgetReporter(360)],
    include: ['test/s3/*.s3.ts'],
    globalSetup: ['test/s3/start-server.ts'],
    expect: { requireAssertions: true, poll: { timeout: 20_000 } },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // The weather tests kill the server, which all files share.
    fileParallelism: false,
  },
});
