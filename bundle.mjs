// The second step of the build: joins the modules that the compiler has written to dist/, and the packages below, into few files in dist/bundle/,
// because each module that a command or thread loads delays its start. Other packages stay where they are. All files lie in one folder, two below
// the root, as modules in dist/ do, so that relative paths to other files of the package mean the same.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'rolldown';

/** Packages of a hundred modules and more, which nearly every command needs. */
const JOINED = ['@duckdb/node-api', 'zod', 'commander'];

const isJoined = (id) => JOINED.some((name) => id === name || id.startsWith(`${name}/`));

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
  external: (id) => /^[a-z@]/u.test(id) && !isJoined(id),
  plugins: [
    {
      name: 'join-duckdb',
      // Modules that are not joined load it with `require`; see there.
      transform: (_code, id) =>
        id.endsWith('dist/duckdb/duckdb-api.js')
          ? "import * as duckdb from '@duckdb/node-api';\nexport { duckdb };"
          : undefined,
    },
  ],
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    cleanDir: true,
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
  },
});
const { resolve } = createRequire(import.meta.url);
const licences = JOINED.map((name) => {
  let folder = dirname(resolve(name));
  while (!existsSync(join(folder, 'LICENSE'))) folder = dirname(folder);
  return `${name}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8')}`;
});
writeFileSync('dist/bundle/LICENSES.txt', licences.join('\n\n'));
for (const folder of ['image', 'bundle'])
  cpSync('src/image/kernel/pixels.wasm', `dist/${folder}/kernel/pixels.wasm`);
