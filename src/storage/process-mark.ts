import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A mark in a name: the process space, the process id, and when the process started, if the system tells. */
const MARK = /^(?:pixlake-)?(?<space>[0-9a-f]{12})\.(?<pid>\d+)\.(?<start>\d*)-/u;

let own: { readonly space: string; readonly mark: string } | undefined;

/** The start of the names of this process's temporary files. {@link isMarkedAlive} tells later whether their process is alive. */
export function processMark(): string {
  return ownMark().mark;
}

/** Whether the process that a name is marked with is alive; `undefined` if the name has no mark or the process is not visible from here. */
export function isMarkedAlive(name: string): boolean | undefined {
  const { space, pid = '', start } = MARK.exec(name)?.groups ?? {};
  if (space !== ownMark().space) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: the process of somebody else.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const status = readStatus(pid);
  return status === undefined || (status.start === start && !status.isZombie);
}

function ownMark(): { readonly space: string; readonly mark: string } {
  if (own === undefined) {
    // Containers may share a folder and count their processes alike, and process ids begin anew with each boot.
    const parts = [
      hostname(),
      tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')),
      tryRead(() => readlinkSync('/proc/self/ns/pid')),
    ];
    const space = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
    const pid = String(process.pid);
    own = { space, mark: `${space}.${pid}.${readStatus(pid)?.start ?? ''}-` };
  }
  return own;
}

/** State and start time of a process, on systems that have /proc (proc(5), "/proc/pid/stat"). */
function readStatus(pid: string): { readonly start: string; readonly isZombie: boolean } | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The name of the command, in parentheses, may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields ?? [];
  const start = fields?.[19];
  return start === undefined ? undefined : { start, isZombie: state === 'Z' || state === 'X' };
}

function tryRead(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
