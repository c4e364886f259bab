import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeModel } from '../model/toy-model.ts';
import { copyDailyRun } from '../support/daily-run.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

/** A call with `--dry-run` for each command that has it, on a lake in which there is something to do. */
const CALLS: readonly (readonly [command: string, ...args: string[]])[] = [
  ['delete', 'images', '--where', 'id = 1'],
  ['run', '--name', 'new', '--sql', 'SELECT * FROM images', '--model', 'fashion-tiny'],
  ['vacuum', 'images', '--retain', '0s'],
  ['vacuum', 'runs.daily'],
  ['vacuum', '--runs'],
  ['runs delete', 'daily'],
  ['runs delete', 'daily', '--older'],
  ['tables drop', 'images'],
  ['models remove', 'toy'],
];

/** Every file and folder of a lake, what is temporary too, with its size and times. */
async function everythingIn(lake: string): Promise<Record<string, string>> {
  const names = await readdir(lake, { recursive: true });
  const entries = names.map(async (name) => {
    const found = await stat(join(lake, name));
    return [name, found.isDirectory() ? 'folder' : `${found.size} ${found.mtimeMs} ${found.ino}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The commands and subcommands that have an option, as `--help` tells. */
async function commandsWith(option: string, ...path: readonly string[]): Promise<string[]> {
  const { stdout } = await pixlake('.', ...path, '--help');
  const [, listed = ''] = stdout.split('\nCommands:\n');
  const names = Array.from(listed.matchAll(/^ {2}([\w-]+)/gmu), ([, name = '']) => name);
  const below: string[] = [];
  for (const name of names.filter((one) => one !== 'help'))
    below.push(...(await commandsWith(option, ...path, name)));
  return [...(stdout.includes(` ${option} `) ? [path.join(' ')] : []), ...below];
}

test('every command with --dry-run is tried here', async () => {
  const commands = await commandsWith('--dry-run');
  expect(commands.length).toBeGreaterThan(4);
  expect(new Set(CALLS.map(([command]) => command))).toEqual(new Set(commands));
});

test('a dry run changes no file, and leaves none', async () => {
  const { lake, folder } = await copyDailyRun();
  await pixlake(lake, 'delete', 'images', '--where', 'id = 2');
  const models = await writeModel(await makeTestFolder());
  expect((await pixlake(lake, 'models', 'add', models.onnxPath)).code).toBe(0);
  // What nothing knows, old enough to be swept.
  const strays = ['tables/images/part-old.parquet', '.tmp/dead', 'runs/daily/notes'];
  for (const stray of strays) {
    await writeFile(join(lake, stray), 'stray');
    await utimes(join(lake, stray), 1e9, 1e9);
  }
  const before = await everythingIn(lake);
  expect(Object.keys(before).length).toBeGreaterThan(30);
  for (const [command, ...args] of CALLS) {
    const call = [...command.split(' '), ...args, '--dry-run'];
    const { code, stdout, stderr } = await pixlake(lake, ...call);
    expect({ call, code, stderr }).toEqual({ call, code: 0, stderr: '' });
    expect(stdout).not.toBe('');
    expect(await everythingIn(lake), call.join(' ')).toEqual(before);
  }
  expect((await readdir(folder)).sort()).toEqual(['lake', 'reports.json', 'source']);
});
