// Checks the types of the notebook's cells, executes them, and keeps the outputs in the notebook.
// Usage: npm run notebook            executes it in place
//        npm run test:notebook       executes it twice, and fails where that changes the file
// Needs Python with venv; nbconvert is installed into an environment of its own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeVenv } from '../benchmarks/make-venv.mjs';

const NBCONVERT = 'nbconvert==7.17.2';
const folder = fileURLToPath(new URL('.', import.meta.url));
const notebook = join(folder, 'fashion.ipynb');
const isCheck = process.argv.includes('--check');

/** The cells as one module, which tsc understands; Deno does not check them. */
function checkTypes() {
  const { cells } = JSON.parse(readFileSync(notebook, 'utf8'));
  const code = cells.filter((cell) => cell.cell_type === 'code').map(({ source }) => source.join(''));
  const module = join(folder, 'cells.ts');
  writeFileSync(module, `${code.join('\n\n')}\n`);
  try {
    const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
    execFileSync(tsc, ['-p', folder], { stdio: 'inherit' });
  } finally {
    rmSync(module);
  }
}

function execute(python) {
  const options = ['--to', 'notebook', '--execute', '--inplace', '--ExecutePreprocessor.record_timing=False'];
  execFileSync(python, ['-m', 'nbconvert', ...options, '--log-level', 'WARN', notebook], {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, JUPYTER_PATH: join(folder, 'jupyter') },
  });
}

checkTypes();
const work = mkdtempSync(join(tmpdir(), 'pixlake-notebook-'));
try {
  const python = makeVenv(join(work, 'venv'), NBCONVERT);
  const committed = readFileSync(notebook, 'utf8');
  for (const time of isCheck ? ['first', 'second'] : ['only']) {
    execute(python);
    console.log(`executed, ${time} time`);
    if (isCheck && readFileSync(notebook, 'utf8') !== committed) {
      throw new Error('the notebook is not as it was committed; `git diff notebooks` shows what changed');
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
