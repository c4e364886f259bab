import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * How the operating system confines query processes. `namespaces`: they can read all files, but write only to their own
 * folder; they have no network and bounded memory. `limits`: only their memory is bounded. `none`: only DuckDB's own checks apply.
 */
export type Confinement = 'namespaces' | 'limits' | 'none';

/** Limits of a query process. */
export interface ProcessBounds {
  readonly confinement: Confinement;
  /** The only folder that it may write to. */
  readonly workDir: string;
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** Whether it reads S3 itself. */
  readonly needsNetwork: boolean;
}

/** Makes every mount of a new mount namespace read-only except the one folder, then executes the command. */
const CONFINE = `
work=$1; shift
mount --bind "$work" "$work" || exit 97
while read -r _ _ _ _ point _; do
  point=$(printf '%b' "$point")
  [ "$point" = "$work" ] || mount -o remount,bind,ro "$point" 2>/dev/null
done < /proc/self/mountinfo
(: > "$work/../.probe") 2>/dev/null && exit 98
exec "$@"`;

const ENTRY = fileURLToPath(new URL('./query-process.js', import.meta.url));

/** Starts a query process with a message channel. It gets only `PATH` and `HOME` of the server's environment, since the rest may hold credentials. */
export function launchQueryProcess(bounds: ProcessBounds): ChildProcess {
  const [command = '', ...rest] = confine(bounds, [process.execPath, ENTRY]);
  const { PATH, HOME } = process.env;
  return spawn(command, rest, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    cwd: bounds.workDir,
    env: { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) },
  });
}

/** Tries which confinement this machine offers, strongest first. */
export async function probeConfinement(workDir: string): Promise<Confinement> {
  for (const confinement of ['namespaces', 'limits'] as const) {
    const bounds = { confinement, workDir, memoryBytes: 1024 ** 3, fileBytes: 1024, needsNetwork: false };
    if (await succeeds(confine(bounds, [process.execPath, '--version']))) return confinement;
  }
  return 'none';
}

function confine(bounds: ProcessBounds, command: readonly string[]): readonly string[] {
  const { confinement, workDir, memoryBytes, fileBytes, needsNetwork } = bounds;
  if (confinement === 'none') return command;
  // --data limits allocated memory, not the address space that V8 only reserves.
  const limited = ['prlimit', `--data=${memoryBytes}`, `--fsize=${fileBytes}`, '--core=0', ...command];
  if (confinement === 'limits') return limited;
  const namespaces = needsNetwork ? '-rm' : '-rmn';
  return ['unshare', namespaces, '--', 'sh', '-c', CONFINE, 'sh', workDir, ...limited];
}

async function succeeds([command = '', ...rest]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, rest, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
