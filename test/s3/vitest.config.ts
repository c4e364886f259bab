import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/s3/*.s3.ts'],
    globalSetup: ['test/s3/start-server.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // The weather tests kill the server, which all files share.
    fileParallelism: false,
  },
});
