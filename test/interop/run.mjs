// Other engines read what pixlake writes, pixlake reads what they write, and both write one table in turn and at once.
// Needs Python and a registry to install the packages below from. Without Python it skips loudly, or fails if CI is set.
// PIXLAKE_INTEROP_VENV names a folder with a virtual environment to use (made if it is not there) and keep.
// Names of scripts as arguments run only these.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describeBudget } from '../support/budget.mjs';

const PACKAGES = [
  'deltalake==1.6.6',
  'polars==2.1.0',
  'pyarrow==26.0.1',
  'duckdb==2.0.0',
  'onnxruntime==1.32.0',
  'pillow==13.0.0',
];
const SCRIPTS = [
  'pixlake_writes.py',
  'pixlake_maintains.py',
  'pixlake_statistics.py',
  'pixlake_rewrites.py',
  'delta_rs_types.py',
  'delta_rs_operations.py',
  'refused_features.py',
  'foreign_tables.py',
  'both_write.py',
  'model_parity.py',
];
const BUDGET_SECONDS = 520;
const MAIN = join(import.meta.dirname, '../../dist/bundle/main.js');

function findPython() {
  for (const command of ['python3', 'python']) {
    try {
      execFileSync(command, ['-c', 'import sys, venv; assert sys.version_info >= (3, 10)'], {
        stdio: 'ignore',
      });
      return command;
    } catch {
      // Not here, or not one that will do.
    }
  }
  return undefined;
}

/** Makes the virtual environment where it is missing, and gives its interpreter. */
function prepareVenv(python, venv) {
  const interpreter = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (!existsSync(interpreter)) execFileSync(python, ['-m', 'venv', venv], { stdio: 'inherit' });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
  execFileSync(interpreter, pip, { stdio: ['ignore', process.stderr, process.stderr] });
  return interpreter;
}

/** Runs one script and counts the lines that it prints; one that dies without saying why counts as a failure. */
async function runScript(interpreter, script, folder) {
  const child = spawn(interpreter, [join(import.meta.dirname, script)], {
    env: {
      ...process.env,
      PIXLAKE_MAIN: MAIN,
      PIXLAKE_READ_TABLES: fileURLToPath(import.meta.resolve('./read-tables.mjs')),
      PIXLAKE_ASK_ALL: fileURLToPath(import.meta.resolve('./ask-all.mjs')),
      PIXLAKE_NODE: process.execPath,
      PIXLAKE_INTEROP_FOLDER: folder,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUTF8: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
  const counts = { passed: 0, failed: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('ok ')) counts.passed += 1;
    if (line.startsWith('FAIL ')) counts.failed += 1;
    console.log(line);
  }
  const code = await ended;
  if (code !== 0 && counts.failed === 0) {
    counts.failed += 1;
    console.log(`FAIL  ${script} ended with ${code}`);
  }
  return counts;
}

const python = findPython();
if (python === undefined) {
  const isRequired = Boolean(process.env.CI);
  console.log(`${isRequired ? 'FAIL' : 'SKIPPED'}: Python 3.10 or newer with venv is not here`);
  console.log(`0 passed, ${isRequired ? 1 : 0} failed`);
  process.exit(isRequired ? 1 : 0);
}
const folder = await mkdtemp(join(tmpdir(), 'pixlake-interop-'));
const total = { passed: 0, failed: 0 };
try {
  const interpreter = prepareVenv(python, process.env.PIXLAKE_INTEROP_VENV ?? join(folder, 'venv'));
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((script) => !SCRIPTS.includes(script));
  if (unknown.length > 0)
    throw new Error(`no script ${unknown.join(', ')}; there are: ${SCRIPTS.join(', ')}`);
  for (const script of SCRIPTS) {
    if (wanted.length > 0 && !wanted.includes(script)) continue;
    const { passed, failed } = await runScript(interpreter, script, folder);
    total.passed += passed;
    total.failed += failed;
    // Only that one says where its tables are not there.
    if (passed + failed === 0 && script !== 'foreign_tables.py') {
      total.failed += 1;
      console.log(`FAIL  ${script} has checked nothing`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${total.passed} passed, ${total.failed} failed\n      ${describeBudget(BUDGET_SECONDS)}`);
process.exitCode = total.failed === 0 ? 0 : 1;
