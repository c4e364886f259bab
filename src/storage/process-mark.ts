import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A mark in a name: process namespace, process id, and start time of the process if the system reports it. */
const MARK = /^(?:pixlake-)?(?<space>[0-9a-f]{12})\.(?<pid>\d+)\.(?<start>\d*)-/u;

let own: { readonly space: string; readonly mark: string } | undefined;

/** Prefix of the names of this process's temporary files, by which {@link isMarkedAlive} finds out whether the process is alive. */
export function processMark(): string {
  return ownMark().mark;
}

/** Whether the process in a name's mark is alive; `undefined` if the name has no mark or the process is not visible from here. */
export function isMarkedAlive(name: string): boolean | undefined {
  const { space, pid = '', start } = MARK.exec(name)?.groups ?? {};
  if (space !== ownMark().space) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM means that the process belongs to another user.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const status = readStatus(pid);
  return status === undefined || (status.start === start && !status.isZombie);
}

function ownMark(): { readonly space: string; readonly mark: string } {
  if (own === undefined) {
    // Containers that share a folder may use the same process ids, and process ids start again with each boot.
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
