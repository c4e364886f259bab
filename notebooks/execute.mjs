// Checks the types of the TypeScript cells, executes the notebooks, and keeps the outputs in them.
// Usage: npm run notebook            executes them in place, on a lake that is drawn anew
//        npm run test:notebook       executes them twice, and fails if that changes more than the numbers of cells tagged `measured`
// With PIXLAKE_LAKE set, that lake is used, and the executed notebooks are written to lake/notebook-output/: real data is not to be committed.
// Needs Python with venv; the packages are installed into an environment of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { makeVenv } from '../benchmarks/make-venv.mjs';
import { compareNotebooks } from './compare-notebooks.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const lakes = fileURLToPath(new URL('../lake/', import.meta.url));
/** The second one reads what the first one has written. */
const NOTEBOOKS = ['fashion.ipynb', 'read-with-python.ipynb'];
const isCheck = process.argv.includes('--check');
// What is committed is of the generated lake.
if (isCheck) delete process.env.PIXLAKE_LAKE;
const isSample = process.env.PIXLAKE_LAKE === undefined;

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The cells as one module, which tsc understands; Deno does not check them. */
function checkTypes() {
  const code = read(join(folder, 'fashion.ipynb'))
    .cells.filter((cell) => cell.cell_type === 'code')
    .map(({ source }) => source.join(''));
  const module = join(folder, 'cells.ts');
  writeFileSync(module, `${code.join('\n\n')}\n`);
  try {
    const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
    execFileSync(tsc, ['-p', folder], { stdio: 'inherit' });
  } finally {
    rmSync(module);
  }
}

/** Executes a notebook in its folder, and gives the result; the notebook itself is left as it is. */
function execute(python, name, outputDir) {
  const options = ['--to', 'notebook', '--execute', '--ExecutePreprocessor.record_timing=False'];
  const output = ['--output-dir', outputDir, '--output', name];
  execFileSync(
    python,
    ['-m', 'nbconvert', ...options, ...output, '--log-level', 'WARN', join(folder, name)],
    { stdio: 'inherit', env: { ...process.env, JUPYTER_PATH: join(folder, 'jupyter') } },
  );
  const executed = read(join(outputDir, name));
  // The version of Python is that of the machine.
  delete executed.metadata.language_info?.version;
  return executed;
}

function write(notebook, path) {
  writeFileSync(path, `${JSON.stringify(notebook, null, 1)}\n`);
}

checkTypes();
const work = mkdtempSync(join(tmpdir(), 'pixlake-notebook-'));
try {
  // Python compiles what it imports; pip would compile all of it.
  const python = makeVenv(join(work, 'venv'), '--no-compile', '-r', join(folder, 'requirements.txt'));
  // The times that the notebook shows are those of work that is done, not of runs that exist.
  if (isSample)
    for (const name of ['notebook', 'notebook-catalogue'])
      rmSync(join(lakes, name), { recursive: true, force: true });
  const target = isSample ? folder : join(lakes, 'notebook-output');
  mkdirSync(target, { recursive: true });
  for (const time of isCheck ? ['first', 'second'] : ['only']) {
    for (const name of NOTEBOOKS) {
      const start = performance.now();
      const executed = execute(python, name, work);
      console.log(`executed ${name}, ${time} time, in ${((performance.now() - start) / 1000).toFixed(1)} s`);
      const differences = isCheck ? compareNotebooks(read(join(folder, name)), executed) : [];
      if (!isCheck || differences.length > 0) write(executed, join(target, name));
      if (differences.length > 0) {
        const list = differences.map((line) => `\n  ${line}`).join('');
        throw new Error(
          `${name} is not as it was committed; \`git diff notebooks\` shows what changed:${list}`,
        );
      }
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
