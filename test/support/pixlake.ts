import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** The built program: runs need its worker entry, and users run nothing else. */
const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');

/** How a call of the program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls the program on a lake and waits for its end. */
export async function pixlake(lake: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, PIXLAKE_LAKE: lake };
    execFile(process.execPath, [MAIN, ...args], { env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Calls the program with `--json` and gives the document it printed. */
export async function pixlakeJson<T>(lake: string, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await pixlake(lake, ...args, '--json');
  if (code !== 0) throw new Error(`pixlake ${args.join(' ')} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Starts the program without waiting for it. */
export function startPixlake(lake: string, ...args: readonly string[]): ChildProcess {
  const env = { ...process.env, PIXLAKE_LAKE: lake };
  return spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Makes a folder that is removed when the test ends. */
export async function makeTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
