import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/rest/*.rest.ts'],
    testTimeout: 900_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // Each of them wants the machine for itself.
    fileParallelism: false,
  },
});
