import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Runs and CLI tests start real worker threads and processes, which come from the build in dist/.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // The build is run as it is.
    server: { deps: { external: [/\/dist\//u] } },
  },
});
