import { execFile, execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { openLakehouse } from '../../src/index.ts';
import { drawJpeg, writeCatalogue, writePlainCatalogue } from '../support/catalogue.ts';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

const MAIN = join(import.meta.dirname, '../../dist/bundle/main.js');

/** How the program is started so that it cannot write to a folder. */
const WAYS: Readonly<Record<string, (folder: string, command: readonly string[]) => string[]>> = {
  'on a read-only mount': (folder, command) => [
    'unshare',
    '-m',
    'sh',
    '-c',
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
    folder,
    ...command,
  ],
  'of another user': (_folder, command) => [
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    ...command,
  ],
};

function isPossible(way: (typeof WAYS)[string]): boolean {
  try {
    const [command = '', ...rest] = way('/usr', ['cat', MAIN]);
    execFileSync(command, rest, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What one does with a lake without writing to it, in one process; the paths of the program, of the lake and of a folder to write to are given. */
const READ_ALL = `
  const [index, lake, source, out] = process.argv.slice(1);
  const { openLakehouse } = await import(index);
  const lakehouse = openLakehouse({ lake });
  const sql = 'SELECT id FROM images ORDER BY id LIMIT 2';
  const query = await lakehouse.query(sql);
  const ids = [];
  for await (const { id } of query.rows()) ids.push(id);
  await query[Symbol.asyncDispose]();
  const { problems, imageCount } = await lakehouse.tables.verify('images', true);
  const sheet = await lakehouse.runs.drawSheet('tiny', 4);
  const refused = await lakehouse.ingest({ source }).catch(({ code }) => code);
  process.stdout.write(JSON.stringify({
    ids, problems, imageCount, refused,
    exported: await lakehouse.queryToParquet(sql, out + '/result.parquet'),
    tables: (await lakehouse.tables.list()).map(({ name }) => name),
    versions: (await lakehouse.tables.history('images')).length,
    files: (await lakehouse.tables.files('images')).files.length,
    runErrors: await lakehouse.runs.errors('tiny'),
    isSheet: sheet.subarray(1, 4).toString() === 'PNG',
  }));`;

describe.each(Object.entries(WAYS))('a lake %s', (name, way) => {
  const isOn = isPossible(way);
  if (!isOn) console.warn(`skipped: this machine cannot start a program with a lake ${name}`);

  test.skipIf(!isOn)('is queried, verified and exported, and not written', async () => {
    const root = await makeTestFolder();
    await chmod(root, 0o755);
    const lake = join(root, 'lake');
    const source = await writePlainCatalogue(join(root, 'source'), 5);
    await openLakehouse({ lake }).ingest({ source });
    await pixlake(lake, 'run', '--name', 'tiny', '--sql', 'SELECT * FROM images', '--size', '32');
    // One in which nothing temporary has ever been.
    const copy = join(root, 'copy');
    await cp(lake, copy, { recursive: true, filter: (path) => !path.endsWith('.tmp') });
    const temporary = join(root, 'tmp');
    const out = join(root, 'out');
    for (const folder of [temporary, out]) {
      await mkdir(folder);
      await chmod(folder, 0o777);
    }
    const env = { ...process.env, TMPDIR: temporary, HOME: temporary };
    for (const folder of [lake, copy]) {
      const before = await readdir(folder, { recursive: true });
      const index = join(import.meta.dirname, '../../dist/bundle/index.js');
      const node = [process.execPath, '--input-type=module', '-e', READ_ALL, index, folder, source, out];
      const [command = '', ...rest] = way(folder, node);
      const { stdout } = await promisify(execFile)(command, rest, { env });
      expect(JSON.parse(stdout)).toEqual({
        ids: [1, 2],
        problems: [],
        imageCount: 5,
        refused: 'STORAGE_DENIED',
        exported: 2,
        tables: ['images', 'runs.tiny'],
        versions: 1,
        files: 1,
        runErrors: [],
        isSheet: true,
      });
      expect(await readdir(folder, { recursive: true })).toEqual(before);
      expect(await readdir(temporary)).toEqual([]);
    }
  });
});

const asNobody = WAYS['of another user'] as (typeof WAYS)[string];

describe('a source with files that may not be read', () => {
  test.skipIf(!isPossible(asNobody))('is ingested but for them', async () => {
    const root = await makeTestFolder();
    await chmod(root, 0o777);
    const image = await drawJpeg(1);
    const source = join(root, 'source');
    await mkdir(join(source, 'images/closed'), { recursive: true });
    await mkdir(join(source, 'hidden/closed'), { recursive: true });
    const lines = [1, 2, 3].map((id) => `${id},Men,Footwear,Shoes,Shoes,Black,Fall,2013,Casual,x`);
    await writeCatalogue(source, lines, { '1.jpg': image, '2.jpg': image, 'closed/3.jpg': image });
    for (const name of ['images/2.jpg', 'images/closed', 'hidden/closed']) await chmod(join(source, name), 0);
    const lake = join(root, 'lake');
    const ingest = async (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> => {
      const [command = '', ...rest] = asNobody('', [process.execPath, MAIN, 'ingest', ...args]);
      const env = { ...process.env, PIXLAKE_LAKE: lake, HOME: root };
      return promisify(execFile)(command, rest, { env }).catch((error: unknown) => error as never);
    };
    const report = JSON.parse((await ingest(source, '--json')).stdout) as {
      readonly lists: Readonly<Record<string, string>>;
    };
    expect(report).toMatchObject({ ingestedCount: 1, withoutImageCount: 2, imagesWithoutRowCount: 2 });
    const list = async (name: string): Promise<string> =>
      readFile(join(lake, report.lists[name] ?? ''), 'utf8');
    expect(await list('imagesWithoutRow')).toBe(
      'name,reason\n2.jpg,the file cannot be read: permission denied\nclosed/,the folder cannot be listed: permission denied\n',
    );
    expect(await list('withoutImage')).toContain('3,2,2.jpg: the file cannot be read: permission denied\n');
    // Where nothing else is left, that is the cause.
    const csv = join(source, 'two.csv');
    await writeFile(csv, 'id\n2\n');
    for (const [images, cause] of [
      ['images', '2.jpg: the file cannot be read: permission denied [INGEST_EMPTY]'],
      [
        'hidden',
        'no image files were found (closed/: the folder cannot be listed: permission denied) [INGEST_EMPTY]',
      ],
    ] as const) {
      const { stderr } = await ingest(csv, '--images', join(source, images), '--table', 'two');
      expect(stderr).toContain(cause);
    }
  });
});
