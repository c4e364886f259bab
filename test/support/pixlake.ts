import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';

const DIST = join(import.meta.dirname, '../../dist/bundle');

/** The built program, which users run. */
const MAIN = join(DIST, 'main.js');

/** How a call of the program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a call in this process has printed. */
interface Printed {
  stdout: string;
  stderr: string;
}

const printing = new AsyncLocalStorage<Printed>();

/** Lets streams of this process collect what calls print; all else goes where it went before. */
function collectPrinted(name: 'stdout' | 'stderr'): void {
  const stream = process[name];
  const write = stream.write.bind(stream);
  stream.write = (chunk: string | Uint8Array, ...rest: []): boolean => {
    const printed = printing.getStore();
    if (printed === undefined) return write(chunk, ...rest);
    printed[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  };
}

interface Program {
  readonly runProgram: (argv: readonly string[]) => Promise<number>;
}

let program: Promise<Program> | undefined;
let lastCall: Promise<unknown> = Promise.resolve();

async function openProgram(): Promise<Program> {
  collectPrinted('stdout');
  collectPrinted('stderr');
  // Runs need the entries of their workers, which only the build has.
  return (await import(pathToFileURL(join(DIST, 'run-program.js')).href)) as Program;
}

/**
 * Calls the program on a lake, within this process: a process of its own takes half a second to start. Calls wait for one another; for those
 * that are to meet, and what only a process can show, there is {@link pixlakeProcess}.
 */
export async function pixlake(lake: string, ...args: readonly string[]): Promise<Outcome> {
  program ??= openProgram();
  const { runProgram } = await program;
  const call = lastCall.then(async () => {
    process.env['PIXLAKE_LAKE'] = lake;
    const printed: Printed = { stdout: '', stderr: '' };
    const code = await printing.run(printed, () => runProgram([process.execPath, MAIN, ...args]));
    return { code, ...printed };
  });
  lastCall = call.catch(() => undefined);
  return call;
}

/** Calls the program on a lake as a process of its own and waits for its end. */
export async function pixlakeProcess(lake: string, ...args: readonly string[]): Promise<Outcome> {
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
export function startPixlake(
  lake: string,
  ...args: readonly string[]
): ChildProcessByStdio<null, Readable, Readable> {
  const env = { ...process.env, PIXLAKE_LAKE: lake };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // What nobody reads must not stop it.
  child.stdout.resume();
  return child;
}

/** Makes a folder that is removed when the test ends. */
export async function makeTestFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pixlake-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
