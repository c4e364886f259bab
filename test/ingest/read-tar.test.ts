import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { readTar } from '../../src/ingest/read-tar.ts';
import { MAX_IMAGE_BYTES } from '../../src/ingest/read-whole-file.ts';
import { makeTestFolder } from '../support/pixlake.ts';

type Entry = Partial<Header> & { readonly name: string; readonly content?: string };

async function packEntries(...entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) archive.entry(header, content ?? '');
  archive.finalize();
  return buffer(archive);
}

async function writeArchive(bytes: Buffer, name = 'images.tar'): Promise<string> {
  const path = join(await makeTestFolder(), name);
  await writeFile(path, bytes);
  return path;
}

/** All entries, each with what it holds if it is read. */
async function entriesOf(path: string, isRead = (_name: string): boolean => true): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const entry of readTar(path)) {
    const file = { ...entry, read: undefined };
    const content = isRead(file.name) ? await entry.read() : undefined;
    found.push(
      content?.kind === 'bytes' ? { ...file, content: content.bytes.toString() } : { ...file, ...content },
    );
  }
  return found;
}

const FILES = [
  { name: 'a.jpg', content: 'A'.repeat(100_000) },
  { name: 'b/c.jpg', content: '' },
  { name: 'd.jpg', content: 'D' },
] as const;

test('entries come in their order, and those that nobody reads are passed over', async () => {
  const path = await writeArchive(await packEntries(...FILES));
  expect(await entriesOf(path)).toEqual(FILES);
  expect(await entriesOf(path, (name) => name !== 'a.jpg')).toEqual([{ name: 'a.jpg' }, FILES[1], FILES[2]]);
});

test.each(['x.tar.gz', 'x.tgz', 'x.TGZ'])('%s is unzipped', async (name) => {
  const path = await writeArchive(gzipSync(await packEntries(...FILES)), name);
  expect(await entriesOf(path)).toEqual(FILES);
});

test.each(['x.gz.tar', 'x.zip', 'gz'])('%s is read as it is', async (name) => {
  expect(await entriesOf(await writeArchive(await packEntries(...FILES), name))).toEqual(FILES);
});

test('folders are no entries, and what is neither is listed with why', async () => {
  const path = await writeArchive(
    await packEntries(
      { name: 'sub/', type: 'directory' },
      { name: 'link', type: 'symlink', linkname: 'x' },
      { name: 'hard', type: 'link', linkname: 'x' },
      { name: 'pipe', type: 'fifo' },
      { name: './././a.jpg' },
      { name: '.b.jpg' },
      { name: 'x/./c.jpg' },
    ),
  );
  const problem = 'a link or special file';
  expect(await entriesOf(path, () => false)).toEqual([
    { name: 'link', problem },
    { name: 'hard', problem },
    { name: 'pipe', problem },
    { name: 'a.jpg' },
    { name: '.b.jpg' },
    { name: 'x/./c.jpg' },
  ]);
});

test('names in pax headers are UTF-8; others are what they are', async () => {
  const bytes = await packEntries({ name: 'ü.jpg' }, { name: 'x.jpg', pax: { path: './caf\uFFFD.jpg' } });
  const found = await entriesOf(await writeArchive(bytes), () => false);
  expect(found).toEqual([{ name: 'ü.jpg' }, { name: 'caf\uFFFD.jpg', problem: 'the name is not UTF-8' }]);
});

test('a name that is not UTF-8 is listed with its bytes, also that of a link', async () => {
  const name = 'caf_.jpg';
  const bytes = await packEntries({ name }, { name, type: 'symlink', linkname: 'x' });
  for (const at of [0, 512]) {
    bytes[at + 3] = 0xe9;
    // The checksum of a header is the sum of its bytes.
    const sum = Number.parseInt(bytes.toString('latin1', at + 148, at + 154), 8) + 0xe9 - 0x5f;
    bytes.write(sum.toString(8).padStart(6, '0'), at + 148, 'latin1');
  }
  const listed = { name: 'caf\\xE9.jpg', problem: 'the name is not UTF-8' };
  expect(await entriesOf(await writeArchive(bytes), () => false)).toEqual([listed, listed]);
});

describe('an entry', () => {
  /** A header that announces so many bytes, and nothing after it. */
  const announce = async (size: number): Promise<Buffer> => {
    const archive = pack();
    archive.entry({ name: 'a.jpg', size });
    for await (const header of archive as AsyncIterable<Buffer>) return header;
    throw new Error('the archive is empty');
  };

  test('that is larger than an image may be is not read', async () => {
    const path = await writeArchive(await announce(MAX_IMAGE_BYTES + 1));
    const entries = readTar(path);
    const { value: entry } = await entries.next();
    expect(await entry?.read()).toEqual({ kind: 'tooLarge', sizeBytes: MAX_IMAGE_BYTES + 1 });
    await entries.return(undefined);
  });

  test('that is as large is read, so that it is known to be cut off', async () => {
    const entries = readTar(await writeArchive(await announce(MAX_IMAGE_BYTES)));
    const { value: entry } = await entries.next();
    await expect(entry?.read()).rejects.toMatchObject({ code: 'TAR_INVALID' });
    await entries.return(undefined);
  });
});

describe('an archive is refused', () => {
  test.each<[string, (bytes: Buffer) => Buffer, string]>([
    ['that ends in an entry', (bytes) => bytes.subarray(0, 512 + 100), ''],
    ['that ends between two entries', (bytes) => bytes.subarray(0, 1024 + 512), 'the archive is cut off'],
    ['whose last block is not whole', (bytes) => bytes.subarray(-511), ''],
    ['that ends in one byte that is no zero', (bytes) => Buffer.concat([bytes, Buffer.from('x')]), 'cut off'],
    ['of nothing', () => Buffer.alloc(0), 'the archive is cut off'],
    ['of less than a block', () => Buffer.alloc(511), 'the archive is cut off'],
    ['of text', () => Buffer.from('no tar at all, '.repeat(100)), ''],
  ])('%s', async (_, change, message) => {
    const path = await writeArchive(change(await packEntries({ name: 'a.jpg', content: 'A'.repeat(900) })));
    await expect(entriesOf(path)).rejects.toMatchObject({
      code: 'TAR_INVALID',
      message: expect.stringMatching(`^cannot read the tar archive ${path}: .*${message}`),
      cause: expect.any(Error),
    });
  });

  test('that is cut off behind a header with which a read of its file begins', async () => {
    // 64 KiB are read at once, the end of which looks like that of an archive.
    const zeros = '\0'.repeat(64 * 1024 - 512);
    const bytes = await packEntries({ name: 'a.jpg', content: zeros }, { name: 'b.jpg' });
    const path = await writeArchive(bytes.subarray(0, 64 * 1024 + 512));
    await expect(entriesOf(path)).rejects.toMatchObject({ code: 'TAR_INVALID' });
  });

  test('that is not there', async () => {
    await expect(entriesOf('/no/such.tar')).rejects.toMatchObject({
      code: 'TAR_INVALID',
      cause: { code: 'ENOENT' },
    });
  });

  test('that is not zipped, though its name says so', async () => {
    const path = await writeArchive(await packEntries(...FILES), 'images.tgz');
    await expect(entriesOf(path)).rejects.toMatchObject({
      code: 'TAR_INVALID',
      cause: { code: 'Z_DATA_ERROR' },
    });
  });
});

test('one block of zeros is an end', async () => {
  const bytes = await packEntries({ name: 'a.jpg', content: 'A' });
  expect(await entriesOf(await writeArchive(bytes.subarray(0, -512)))).toEqual([
    { name: 'a.jpg', content: 'A' },
  ]);
});
