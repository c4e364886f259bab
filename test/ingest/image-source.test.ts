import { createWriteStream } from 'node:fs';
import { appendFile, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ImageSource, openImageSource } from '../../src/ingest/image-source.ts';
import { makeTestFolder } from '../support/pixlake.ts';
import { describeImageSource, type MakeSource } from './image-source-contract.ts';

/** Every file of a source: its content, or why it is not looked at. */
async function contentsOf(source: ImageSource): Promise<Record<string, string | undefined>> {
  const found: Record<string, string | undefined> = {};
  const wanted: { name: string; position: number }[] = [];
  let position = 0;
  for await (const { name, problem } of source.list()) {
    if (problem === undefined) wanted.push({ name, position });
    else found[name] = problem;
    position += 1;
  }
  async function* each(): AsyncGenerator<{ name: string; position: number }> {
    yield* wanted;
  }
  for await (const { file, read } of source.open(each())) {
    const content = await read();
    found[file.name] = content.kind === 'bytes' ? content.bytes.toString() : content.kind;
  }
  return found;
}

async function writeTar(
  entries: readonly (readonly [string, string])[],
): Promise<{ path: string; bytes: Buffer }> {
  const archive = pack();
  for (const [name, content] of entries) archive.entry({ name }, content);
  archive.finalize();
  const path = join(await makeTestFolder(), 'images.tar');
  await pipeline(archive, createWriteStream(path));
  return { path, bytes: await readFile(path) };
}

/** A path with a byte that is not UTF-8. */
function latin1Path(folder: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
}

describe('a folder', () => {
  test('gives its images at any depth; the rest is listed with a reason', async () => {
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'sub'));
    for (const name of ['a.jpg', 'sub/b.PNG', '.hidden.jpg', 'notes.txt'])
      await writeFile(join(folder, name), name);
    await symlink('/etc/hostname', join(folder, 'link.jpg'));
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    expect(await contentsOf(await openImageSource(folder, false))).toEqual({
      'a.jpg': 'a.jpg',
      'sub/b.PNG': 'sub/b.PNG',
      '.hidden.jpg': 'a hidden file',
      'link.jpg': 'a link or special file',
      'notes.txt': 'not an image by its name',
      'pipe.jpg': 'a link or special file',
    });
    const named = await contentsOf(await openImageSource(folder, true));
    expect(named).toMatchObject({ 'notes.txt': 'notes.txt', '.hidden.jpg': '.hidden.jpg' });
  });

  test('names that are not UTF-8 are listed, each under a name of its own', async () => {
    const folder = await makeTestFolder();
    await mkdir(latin1Path(folder, 'sch\xF6n'));
    for (const name of ['caf\xE9.jpg', 'caf\xE8.jpg', 'sch\xF6n/1.jpg', 'é.jpg'])
      await writeFile(latin1Path(folder, name), 'x');
    await writeFile(join(folder, 'é.jpg'), 'x');
    expect(await contentsOf(await openImageSource(folder, false))).toEqual({
      'caf\\xE9.jpg': 'the name is not UTF-8',
      'caf\\xE8.jpg': 'the name is not UTF-8',
      '\\xE9.jpg': 'the name is not UTF-8',
      'sch\\xF6n/1.jpg': 'the name of its folder is not UTF-8',
      'é.jpg': 'x',
    });
  });

  test('what cannot be listed or read below it is a line, not the end', async () => {
    const folder = await makeTestFolder();
    // Deeper than a path may be long, for those who may read everything.
    const upper = join(folder, ...Array.from({ length: 12 }, () => 'd'.repeat(200)));
    await mkdir(upper, { recursive: true });
    await mkdir(join(folder, 'e', ...Array.from({ length: 12 }, () => 'e'.repeat(200))), { recursive: true });
    await rename(join(folder, 'e'), join(upper, 'e'));
    onTestFinished(() => rename(join(upper, 'e'), join(folder, 'e')));
    await writeFile(join(folder, '1.jpg'), '1');
    const found = await contentsOf(await openImageSource(folder, false));
    expect(found['1.jpg']).toBe('1');
    const [deepest = ''] = Object.keys(found).filter((name) => name !== '1.jpg');
    expect(deepest.length).toBeGreaterThan(3500);
    expect(found[deepest]).toBe('the folder cannot be listed: its path is too long');
  });
});

describe('a tar archive', () => {
  test('gives its images in order, gzipped or not; unsafe names are listed', async () => {
    const { path, bytes } = await writeTar([
      ['./b.jpg', 'B'],
      ['sub/a.jpg', 'A'],
      ['../evil.jpg', 'E'],
      ['x.txt', 'X'],
    ]);
    const zipped = `${path}.gz`;
    await writeFile(zipped, gzipSync(bytes));
    for (const archive of [path, zipped]) {
      expect(await contentsOf(await openImageSource(archive, false))).toEqual({
        'b.jpg': 'B',
        'sub/a.jpg': 'A',
        '../evil.jpg': 'an unsafe path',
        'x.txt': 'not an image by its name',
      });
    }
  });

  test.each(['ustar', 'gnu', 'pax'])('lists names of %s format that are not UTF-8', async (format) => {
    const folder = await makeTestFolder();
    const long = `${'n'.repeat(120)}\xE9.jpg`;
    for (const name of ['caf\xE9.jpg', long]) await writeFile(latin1Path(folder, name), 'x');
    await writeFile(join(folder, 'ü.jpg'), 'x');
    const path = join(await makeTestFolder(), 'images.tar');
    const kept = format === 'ustar' ? [`--exclude=nnn*`] : [];
    execFileSync('tar', [`--format=${format}`, ...kept, '-cf', path, '-C', folder, '.']);
    const found = await contentsOf(await openImageSource(path, false));
    const problems = Object.values(found).filter((problem) => problem === 'the name is not UTF-8');
    expect(found['ü.jpg']).toBe('x');
    expect(problems).toHaveLength(format === 'ustar' ? 1 : 2);
  });

  test('gives only the entries that are wanted, and one as often as it is', async () => {
    const { path } = await writeTar([
      ['a.jpg', 'A'.repeat(100_000)],
      ['b.jpg', 'B'],
      ['c.jpg', 'C'],
    ]);
    const source = await openImageSource(path, false);
    async function* wanted(): AsyncGenerator<{ name: string; position: number }> {
      yield { name: 'b.jpg', position: 1 };
      yield { name: 'b.jpg', position: 1 };
    }
    const contents: unknown[] = [];
    for await (const { read } of source.open(wanted())) contents.push(await read());
    expect(contents).toEqual(Array.from({ length: 2 }, () => ({ kind: 'bytes', bytes: Buffer.from('B') })));
  });

  test.each([
    ['in mid-entry', (bytes: Buffer) => bytes.subarray(0, 512 + 100)],
    ['between two entries', (bytes: Buffer) => bytes.subarray(0, 1024)],
    ['before it began', () => Buffer.alloc(0)],
    ['and replaced by text', () => Buffer.from('no tar at all, '.repeat(100))],
  ])('that is cut off %s is refused', async (_, cut) => {
    const { path, bytes } = await writeTar([
      ['a.jpg', 'A'.repeat(300)],
      ['b.jpg', 'B'],
    ]);
    await writeFile(path, cut(bytes));
    await expect(contentsOf(await openImageSource(path, false))).rejects.toMatchObject({
      code: 'TAR_INVALID',
    });
  });

  test('that is replaced, written or removed meanwhile is refused', async () => {
    const changes: ((path: string) => Promise<void>)[] = [
      (path) => rm(path),
      (path) => appendFile(path, Buffer.alloc(512)),
      (path) => utimes(path, 1, 1),
      async (path) => {
        await writeFile(`${path}.new`, await readFile(path));
        await rename(`${path}.new`, path);
      },
    ];
    const listed: string[] = [];
    for (const change of changes) {
      const { path } = await writeTar([['a.jpg', 'A']]);
      const source = await openImageSource(path, false);
      for await (const { name } of source.list()) listed.push(name);
      await change(path);
      await expect(contentsOf(source)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    }
    expect(listed).toEqual(Array(4).fill('a.jpg'));
  });
});

test('what is neither a folder nor a file is no source', async () => {
  const path = join(await makeTestFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  await expect(openImageSource(path, false)).rejects.toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: `${path} is neither a folder nor a file`,
  });
  await expect(openImageSource(`${path}-gone`, false)).rejects.toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: expect.stringContaining(`cannot read ${path}-gone: ENOENT`),
    cause: { code: 'ENOENT' },
  });
});

describe('by its name', () => {
  /** What is said of each name, by a source whose files are not read. */
  async function problemsOf(
    names: readonly string[],
    hasNamedFiles = false,
  ): Promise<(string | undefined)[]> {
    const { path } = await writeTar(names.map((name) => [name, '']));
    const found: (string | undefined)[] = [];
    for await (const { problem } of (await openImageSource(path, hasNamedFiles)).list()) found.push(problem);
    return found;
  }
  const ENDINGS =
    'jpg jpeg jpe jfif jif png apng webp gif tif tiff btf avif avifs heic heics heif heifs hif bmp dib ico cur jp2 j2k jpf jpx jxl jxr pbm pgm pnm ppm pam pfm tga psd svg exr hdr dds qoi pcx dng';

  test('a file is an image if it has one of these endings', async () => {
    const names = ENDINGS.split(' ').flatMap((ending) => [`a.${ending}`, `b.c.${ending.toUpperCase()}`]);
    expect(await problemsOf(names)).toEqual(names.map(() => undefined));
    const others = [
      'jpg',
      'ajpg',
      'a.jpgx',
      'a.xjpg',
      'a.jpg.txt',
      'a.jpg ',
      'a.png/b',
      'a.pm',
      'a.pxm',
      'a.tifff',
      'a.hei',
      'a.pngs',
    ];
    expect(await problemsOf(others)).toEqual(others.map(() => 'not an image by its name'));
  });

  test('a file is hidden or unsafe wherever it lies', async () => {
    const hidden = ['.a.jpg', 'x/.a.jpg', '.x/a.jpg', 'x/.y/a.jpg', '.../a.jpg'];
    const unsafe = ['/a.jpg', '../a.jpg', 'x/../a.jpg', 'x/..'];
    const fine = ['a..b.jpg', 'x./a.jpg', 'a.b/c.jpg'];
    const names = [...hidden, ...unsafe, ...fine];
    const judge = (name: string): string | undefined =>
      hidden.includes(name) ? 'a hidden file' : unsafe.includes(name) ? 'an unsafe path' : undefined;
    expect(await problemsOf(names)).toEqual(names.map(judge));
    expect(await problemsOf([...names, 'a.txt'], true)).toEqual(
      [...names, 'a.txt'].map((name) => (unsafe.includes(name) ? 'an unsafe path' : undefined)),
    );
  });
});

test('a file of an archive is held in memory until it is read, one of a folder is not', async () => {
  const files = [
    ['a.jpg', 'AAA'],
    ['b.jpg', 'B'],
  ] as const;
  const { path } = await writeTar(files);
  const folder = await writeFiles(files.map(([name, text]) => [name, Buffer.from(text)]));
  const heldOf = async (place: string, positions: readonly number[]): Promise<number[]> => {
    async function* wanted(): AsyncGenerator<{ name: string; position: number }> {
      for (const position of positions) yield { name: String(files[position]?.[0]), position };
    }
    const held: number[] = [];
    for await (const { heldBytes } of (await openImageSource(place, false)).open(wanted()))
      held.push(heldBytes);
    return held;
  };
  expect(await heldOf(path, [0, 0, 1])).toEqual([3, 3, 1]);
  expect(await heldOf(path, [1])).toEqual([1]);
  // An archive that has fewer entries than it had gives those that it has.
  expect(await heldOf(path, [1, 2, 3])).toEqual([1]);
  expect(await heldOf(folder, [0, 1])).toEqual([0, 0]);
});

async function writeFiles(files: Parameters<MakeSource>[0]): Promise<string> {
  const folder = join(await makeTestFolder(), 'images');
  await mkdir(folder);
  for (const [name, content] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

async function writeArchive(
  files: Parameters<MakeSource>[0],
  ending: string,
  through?: Transform,
): Promise<string> {
  const packing = pack();
  for (const [name, content] of files) packing.entry({ name }, content);
  packing.finalize();
  const path = join(await makeTestFolder(), `images.${ending}`);
  if (through === undefined) await pipeline(packing, createWriteStream(path));
  else await pipeline(packing, through, createWriteStream(path));
  return path;
}

describe('images', () => {
  describeImageSource('a folder', writeFiles);
  describeImageSource('a tar archive', (files) => writeArchive(files, 'tar'));
  describeImageSource('a gzipped tar archive', (files) => writeArchive(files, 'tar.gz', createGzip()));
});
