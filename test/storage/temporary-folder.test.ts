import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import timers from 'node:timers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { isMarkedAlive, processMark } from '../../src/storage/process-mark.ts';
import { sweepFolder } from '../../src/storage/sweep-folder.ts';
import { makeTemporaryFolder, sweepOnce, touchInUse } from '../../src/storage/temporary-folder.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { importFresh } from '../support/import-fresh.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

const HOUR_MS = 3_600_000;
const OLD_MS = Date.now() - 48 * HOUR_MS;

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once('exit', resolve));
}

/** Another process that makes a folder for temporary files in a lake and keeps it. */
async function holdScratch(lake: string): Promise<{ holder: ChildProcess; path: string }> {
  const entry = join(import.meta.dirname, '../../dist/storage/open-store.js');
  const script = `const { openStore } = await import(process.argv[1]);
    process.stdout.write(await openStore(process.argv[2]).makeScratchDir());
    setInterval(() => undefined, 60_000)`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, entry, lake], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => kill(holder));
  const path = await new Promise<string>((resolve) => {
    holder.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
  });
  return { holder, path };
}

test('temporary files of a process stay while it lives, whatever their age, and go once it was killed', async () => {
  const lake = await makeTestFolder();
  const store = openStore(lake);
  const { holder, path } = await holdScratch(lake);
  await writeFile(join(path, 'file'), 'x');
  for (const name of ['file', '']) await utimes(join(path, name), 1, 1);
  expect(await store.sweepTemporary(Date.now())).toBe(0);
  await kill(holder);
  expect(await store.sweepTemporary(0)).toBe(1);
  expect(await readdir(join(lake, '.tmp'))).toEqual([]);
  // The next process that needs a folder sweeps those of dead ones, too.
  await mkdir(path);
  await store.nameScratchDir();
  expect(existsSync(path)).toBe(false);
});

test('marks tell live processes from dead ones, and from those that took over their number', () => {
  const [space, pid, start = ''] = processMark().slice(0, -1).split('.');
  const isLinux = process.platform === 'linux';
  expect(isMarkedAlive(`${space}.${pid}.${start}-x`)).toBe(true);
  expect(isMarkedAlive(`pixlake-${space}.${pid}.${start}-x`)).toBe(true);
  expect(isMarkedAlive(`${space}.${pid}.${start}1-x`)).toBe(!isLinux);
  expect(isMarkedAlive(`${space}.1.0-x`)).toBe(!isLinux);
  // Higher than process ids may be.
  expect(isMarkedAlive(`${space}.99999999.${start}-x`)).toBe(false);
  expect(isMarkedAlive(`000000000000.${pid}.${start}-x`)).toBeUndefined();
  expect(isMarkedAlive('anything')).toBeUndefined();
});

test('what other machines may be working on goes by age, and what is not of pixlake never', async () => {
  vi.stubEnv('TMPDIR', await makeTestFolder());
  onTestFinished(() => void vi.unstubAllEnvs());
  const root = tmpdir();
  const uuid = '0cd8d1c6-7d0a-4c33-9df2-3e2a6b2d6d52';
  const names = {
    [`pixlake-000000000000.1.1-${uuid}`]: [OLD_MS, false],
    [`pixlake-000000000001.1.1-${uuid}`]: [Date.now(), true],
    [`pixlake-000000000002.1.1-${uuid}`]: [Date.now() - 23 * HOUR_MS, true],
    [`pixlake-000000000003.1.1-${uuid}`]: [Date.now() - 25 * HOUR_MS, false],
    'pixlake-fonts-Ab12_9': [OLD_MS, false],
    'pixlake-fonts-Ab12_99': [OLD_MS, true],
    'pixlake-fonts-Ab12-9': [OLD_MS, true],
    'x-pixlake-fonts-Ab12_9': [OLD_MS, true],
    [`pixlake-00000000000.1.1-${uuid}`]: [OLD_MS, true],
    [`pixlake-000000000000.123.-${uuid}`]: [OLD_MS, false],
    [`pixlake-000000000000.123.456-${uuid}`]: [OLD_MS, false],
    [`pixlake-000000000000.1.1-${uuid.slice(1)}`]: [OLD_MS, true],
    [`pixlake-000000000000.1.1-${uuid.slice(1)}g`]: [OLD_MS, true],
    'pixlake-lake': [OLD_MS, true],
    'pixlake-demo-Ab12_9': [OLD_MS, true],
    [`pixlake-000000000000.1.1-${uuid}-mine`]: [OLD_MS, true],
    [`000000000000.1.1-${uuid}`]: [OLD_MS, true],
  } as const;
  for (const [name, [timeMs]] of Object.entries(names)) {
    await mkdir(join(root, name));
    await utimes(join(root, name), timeMs / 1000, timeMs / 1000);
  }
  await sweepOnce(undefined);
  const stay = Object.entries(names).flatMap(([name, [, stays]]) => (stays ? [name] : []));
  expect((await readdir(root)).sort()).toEqual(stay.sort());
  const mine = await makeTemporaryFolder();
  expect(isMarkedAlive(mine.slice(root.length + 1))).toBe(true);
  // Others may not look into it.
  expect((await stat(mine)).mode & 0o777).toBe(0o700);
  expect(await sweepFolder(root, Number.POSITIVE_INFINITY, /^pixlake-[0-9a-f]{12}\./u)).toBe(5);
  expect(existsSync(mine)).toBe(true);
});

test('the folder of a long job stays young while the process works in it, and one that was removed does not come back', async () => {
  const store = openStore(await makeTestFolder());
  const [kept, removed] = [await store.makeScratchDir(), await store.makeScratchDir()];
  const systems = await makeTemporaryFolder();
  onTestFinished(() => rm(systems, { recursive: true, force: true }));
  await rm(removed, { recursive: true });
  for (const path of [kept, systems]) await utimes(path, OLD_MS / 1000, OLD_MS / 1000);
  const beforeMs = Date.now() - 1000;
  await touchInUse();
  await touchInUse();
  for (const path of [kept, systems]) expect((await stat(path)).mtimeMs).toBeGreaterThan(beforeMs);
  expect(existsSync(removed)).toBe(false);
  // What takes the name of a folder that was removed is another one.
  await mkdir(removed);
  await utimes(removed, OLD_MS / 1000, OLD_MS / 1000);
  await touchInUse();
  expect((await stat(removed)).mtimeMs).toBeLessThan(beforeMs);
});

test('folders in use are touched every ten minutes, which keeps no process alive', async () => {
  const folder = await makeTestFolder();
  await utimes(folder, 1, 1);
  const unref = vi.fn();
  const every = stubBuiltin(vi.spyOn(timers, 'setInterval')).mockReturnValue({ unref } as never);
  const { keepAlive } = await importFresh<typeof import('../../src/storage/temporary-folder.ts')>(
    'storage/temporary-folder.ts',
  );
  unref.mockReturnValue('a timer');
  keepAlive(folder);
  keepAlive(folder);
  expect(every.mock.calls).toEqual([[expect.any(Function), 600_000]]);
  expect(unref).toHaveBeenCalledTimes(1);
  const [[touch]] = every.mock.calls as unknown as [[() => void]];
  touch();
  await expect.poll(async () => (await stat(folder)).mtimeMs).toBeGreaterThan(2000);
});

test('a folder is swept once by each process, and one that cannot be swept is no hindrance', async () => {
  const folder = await makeTestFolder();
  const left = join(folder, `${processMark().split('.')[0]}.99999999.1-x`);
  await writeFile(left, 'x');
  await sweepOnce(folder);
  expect(existsSync(left)).toBe(false);
  await writeFile(left, 'x');
  await sweepOnce(folder);
  expect(existsSync(left)).toBe(true);
  expect(await sweepOnce(left)).toBeUndefined();
});

test('what has no mark goes by age in the folder of the system only', async () => {
  const folder = await makeTestFolder();
  await mkdir(join(folder, 'unmarked'));
  await utimes(join(folder, 'unmarked'), 1, 1);
  await sweepOnce(folder);
  expect(await readdir(folder)).toEqual(['unmarked']);
});

test('a folder that is only named appears when something is written there', async () => {
  const lake = await makeTestFolder();
  const store = openStore(lake);
  const elsewhere = await store.nameScratchDir();
  expect(elsewhere.startsWith(join(tmpdir(), 'pixlake-'))).toBe(true);
  expect(await readdir(lake)).toEqual([]);
  await store.makeScratchDir();
  const inside = await store.nameScratchDir();
  expect(inside.startsWith(join(lake, '.tmp/'))).toBe(true);
  expect([elsewhere, inside].filter((path) => existsSync(path))).toEqual([]);
});
