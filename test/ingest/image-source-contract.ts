import { describe, expect, test } from 'vitest';
import { type ImageSource, openImageSource, type WantedFile } from '../../src/ingest/image-source.ts';

/** Makes a source of files, in this order where it has one, and gives its path. */
export type MakeSource = (files: readonly (readonly [name: string, content: Buffer])[]) => Promise<string>;

async function listOf(source: ImageSource): Promise<{ readonly name: string; readonly problem?: string }[]> {
  const files: { name: string; problem?: string }[] = [];
  for await (const file of source.list()) files.push(file);
  return files;
}

/** Reads some files of a source, given by their names, in the order of its list. */
async function read(source: ImageSource, names: readonly string[]): Promise<(readonly [string, string])[]> {
  const listed = await listOf(source);
  const wanted = listed.flatMap(({ name }, position) =>
    names.filter((one) => one === name).map(() => ({ name, position })),
  );
  async function* each(): AsyncGenerator<WantedFile> {
    yield* wanted;
  }
  const contents: (readonly [string, string])[] = [];
  for await (const { file, read: readFile } of source.open(each())) {
    const content = await readFile();
    contents.push([file.name, content.kind === 'bytes' ? content.bytes.toString('latin1') : content.kind]);
  }
  return contents;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What holds of every kind of source of images. */
export function describeImageSource(kind: string, make: MakeSource): void {
  describe(`as ${kind}`, () => {
    test('every file is listed once, with a reason if it is no image by its name', async () => {
      const path = await make([
        ['a.jpg', bytes('A')],
        ['deep/er/b.PNG', bytes('B')],
        ['c.txt', bytes('C')],
        ['.d.jpg', bytes('D')],
        ['deep/.e/f.jpg', bytes('F')],
      ]);
      const files = (await listOf(await openImageSource(path, false))).toSorted((x, y) =>
        x.name < y.name ? -1 : 1,
      );
      expect(files).toEqual([
        { name: '.d.jpg', problem: 'a hidden file' },
        { name: 'a.jpg' },
        { name: 'c.txt', problem: 'not an image by its name' },
        { name: 'deep/.e/f.jpg', problem: 'a hidden file' },
        { name: 'deep/er/b.PNG' },
      ]);
      const named = await listOf(await openImageSource(path, true));
      expect(named.map(({ problem }) => problem)).toEqual(Array(5).fill(undefined));
    });

    test('files are read byte for byte, also an empty one, one of many blocks, and one that is wanted twice', async () => {
      const large = Array.from({ length: 300_001 }, (_, index) => String.fromCharCode(index % 256)).join('');
      const files = [
        ['1.jpg', ''],
        ['2.jpg', large],
        ['3.jpg', '\0\xff\n'],
        ['4.jpg', 'unwanted'],
        ['5.jpg', 'x'.repeat(512)],
      ] as const;
      const source = await openImageSource(
        await make(files.map(([name, text]) => [name, bytes(text)])),
        false,
      );
      const found = await read(source, ['1.jpg', '2.jpg', '2.jpg', '3.jpg', '5.jpg']);
      expect(new Map(found)).toEqual(new Map(files.filter(([name]) => name !== '4.jpg')));
      expect(found).toHaveLength(5);
      // And again: a source can be read more than once.
      expect(await read(source, ['3.jpg'])).toEqual([['3.jpg', '\0\xff\n']]);
    });

    test('names may hold anything that a name may hold', async () => {
      const names = [
        'ü 👟.jpg',
        "it's.jpg",
        '100%.jpg',
        'a=b/c,d.jpg',
        '"q".jpg',
        `${'n'.repeat(120)}.jpg`,
        'a;b#?.jpg',
      ];
      const source = await openImageSource(
        await make(names.map((name) => [name, bytes(name.slice(0, 3))])),
        false,
      );
      expect((await listOf(source)).map(({ name }) => name).sort()).toEqual([...names].sort());
      expect(await read(source, names)).toHaveLength(names.length);
    });

    test('one without files has none', async () => {
      const source = await openImageSource(await make([]), false);
      expect(await listOf(source)).toEqual([]);
      expect(await read(source, ['a.jpg'])).toEqual([]);
    });

    test('a reader that has seen enough may stop', async () => {
      const names = Array.from({ length: 50 }, (_, index) => `${index}.jpg`);
      const source = await openImageSource(await make(names.map((name) => [name, bytes(name)])), false);
      for await (const { name } of source.list()) if (name !== '') break;
      expect(await listOf(source)).toHaveLength(50);
      expect(await read(source, ['7.jpg'])).toEqual([['7.jpg', '7.jpg']]);
    });

    test('one that is not there is not found', async () => {
      await expect(openImageSource(`${await make([])}-not-there`, false)).rejects.toMatchObject({
        code: 'SOURCE_NOT_FOUND',
      });
    });
  });
}
