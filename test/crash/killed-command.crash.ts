import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlakeProcess, startPixlake } from '../support/pixlake.ts';

/** Kills a process, hard, as soon as it has a folder in another one; files there may be gone at any moment. */
async function killInWork(child: ChildProcess, folder: string): Promise<void> {
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const hasFolder = async (): Promise<boolean> =>
    (await readdir(folder, { withFileTypes: true }).catch(() => [])).some((entry) => entry.isDirectory());
  while (!(await hasFolder())) {
    expect(child.exitCode).toBeNull();
    await sleep(2);
  }
  child.kill('SIGKILL');
  await ended;
}

test('what killed ingests and servers leave behind goes with the next command', async () => {
  const root = await makeTestFolder();
  const temporary = await makeTestFolder();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const lake = join(root, 'lake');
  const source = await writePlainCatalogue(join(root, 'source'), 40);
  await killInWork(startPixlake(lake, 'ingest', source), join(lake, '.tmp'));
  expect(await readdir(join(lake, '.tmp'))).not.toEqual([]);
  expect(await pixlakeProcess(lake, 'ingest', source)).toMatchObject({ code: 0 });
  expect(await readdir(join(lake, '.tmp'))).toEqual([]);
  await killInWork(startPixlake(lake, 'serve', '--port', '0', '--query-slots', '1'), temporary);
  expect(await readdir(temporary)).not.toEqual([]);
  expect(await pixlakeProcess(lake, 'query', 'SELECT count(*) FROM images')).toMatchObject({ code: 0 });
  expect(await readdir(temporary)).toEqual([]);
  expect(await readdir(join(lake, '.tmp'))).toEqual([]);
});
