// The second step of the build: joins the modules that the compiler has written to dist/ into few files in dist/bundle/, because each module that a
// command or thread loads delays its start. Packages stay where they are. All files lie in one folder, two below the root, as modules in dist/ do,
// so that relative paths to other files of the package mean the same.
import { cpSync } from 'node:fs';
import { build } from 'rolldown';

await build({
  input: {
    index: 'dist/index.js',
    server: 'dist/api/server.js',
    main: 'dist/cli/main.js',
    // Which the tests call in their own process.
    'run-program': 'dist/cli/run-program.js',
    worker: 'dist/executor/worker.js',
    'process-worker': 'dist/executor/process-worker.js',
    'query-process': 'dist/sandbox/query-process.js',
  },
  platform: 'node',
  external: /^[a-z@]/u,
  output: { dir: 'dist/bundle', format: 'esm', cleanDir: true },
});
for (const folder of ['image', 'bundle'])
  cpSync('src/image/kernel/pixels.wasm', `dist/${folder}/kernel/pixels.wasm`);
