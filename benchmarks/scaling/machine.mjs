// What all measurements state and share.
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { VERSION } from '../../dist/bundle/index.js';
import { median } from '../median.mjs';

/** The machine, and the versions that matter. */
export function describeMachine() {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version.slice(1),
    pixlake: VERSION,
    date: new Date().toISOString().slice(0, 10),
  };
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
