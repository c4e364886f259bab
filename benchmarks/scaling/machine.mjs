// What all measurements state and share.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { VERSION } from '../../dist/bundle/index.js';
import { median } from '../median.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The commit that is measured, with `+` if its code was changed since; `unknown` outside of a clone. */
function readCommit() {
  const git = (...args) =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'package-lock.json') !== '';
    return `${git('rev-parse', '--short=10', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}

/** The machine, the commit that is measured, and the versions that matter. */
export function describeMachine() {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version.slice(1),
    pixlake: VERSION,
    commit: readCommit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Writes a result file, which names the machine, the commit and the date. */
export function saveResult(name, measured, folder = fileURLToPath(new URL('../results', import.meta.url))) {
  const result = { machine: describeMachine(), ...measured };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

const runOnce = fileURLToPath(new URL('./run-once.mjs', import.meta.url));

/** Does one job in a process of its own, so that its peak memory is its own; see run-once.mjs. */
export async function inProcess(job, env = {}) {
  const { stdout } = await promisify(execFile)(process.execPath, [runOnce, JSON.stringify(job)], {
    env: { ...process.env, PIXLAKE_LOG_LEVEL: 'silent', ...env },
    maxBuffer: 1024 ** 2,
  });
  return JSON.parse(stdout);
}

/** Does a job several times, each in a process of its own, and gives the median of each number. */
export async function repeat(times, makeJob, env) {
  const results = [];
  for (let time = 0; time < times; time++) results.push(await inProcess(makeJob(time), env));
  const names = Object.keys(results[0]);
  return Object.fromEntries(names.map((name) => [name, median(results.map((result) => result[name]))]));
}
