import { defineConfig } from 'vitest/config';
import { budgetReporter } from './test/support/budget.mjs';

export default defineConfig({
  test: {
    reporters: ['default', budgetReporter(200)],
    include: ['test/**/*.test.ts'],
    // What tests provoke would be logged between their results.
    env: { PIXLAKE_LOG_LEVEL: 'silent' },
    globalSetup: ['test/support/template-folder.ts'],
    // Runs and CLI tests start real worker threads and processes, which come from the build in dist/.
    expect: { requireAssertions: true, poll: { timeout: 20_000 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // Files share a process, which loads DuckDB, sharp and the build once. What a test changes in it, it puts back.
    isolate: false,
    // The build is run as it is.
    server: { deps: { external: [/\/dist\//u] } },
  },
});
