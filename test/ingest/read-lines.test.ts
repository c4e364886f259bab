import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Line, readLines } from '../../src/ingest/read-lines.ts';
import { makeTestFolder } from '../support/pixlake.ts';

/** As many bytes of a file are read at once. */
const CHUNK = 256 * 1024;

async function linesOf(content: string | Buffer): Promise<Line[]> {
  const path = join(await makeTestFolder(), 'a.csv');
  await writeFile(path, content);
  const lines: Line[] = [];
  for await (const line of readLines(path)) lines.push(line);
  return lines;
}

const textsOf = (lines: readonly Line[]): unknown[] =>
  lines.map((line) => (line.kind === 'text' ? line.text : line.reason));

test('lines end in LF or CRLF, the last one also at the end of the file', async () => {
  expect(await linesOf('a\r\nb\n\nc')).toEqual([
    { kind: 'text', number: 1, text: 'a' },
    { kind: 'text', number: 2, text: 'b' },
    { kind: 'text', number: 3, text: '' },
    { kind: 'text', number: 4, text: 'c' },
  ]);
  expect(await linesOf('')).toEqual([]);
  expect(textsOf(await linesOf('a\n'))).toEqual(['a']);
});

test.each([-3, -2, -1, 0, 1])(
  'a character that begins %i bytes from the border of two reads is whole',
  async (at) => {
    const before = 'x'.repeat(CHUNK + at);
    expect(textsOf(await linesOf(`${before}👟é\nnext`))).toEqual([`${before}👟é`, 'next']);
  },
);

test.each([-2, -1, 0])('a line end that begins %i bytes from that border is one line end', async (at) => {
  const before = 'x'.repeat(CHUNK + at);
  expect(textsOf(await linesOf(`${before}\r\nnext\r\n`))).toEqual([before, 'next']);
});

test('a line that is longer than several reads is whole, and one of more than a MiB is refused', async () => {
  const long = 'y'.repeat(3 * CHUNK + 5);
  expect(textsOf(await linesOf(`a\n${long}\nb`))).toEqual(['a', long, 'b']);
  const longest = 'z'.repeat(4 * CHUNK);
  expect(textsOf(await linesOf(`a\n${longest}\n${longest}`))).toEqual(['a', longest, longest]);
  const [, refused, after] = await linesOf(`a\n${longest}z\nb`);
  expect(refused).toEqual({
    kind: 'unreadable',
    number: 2,
    reason: 'the line has 1048577 bytes, more than 1048576',
    excerpt: 'z'.repeat(1000),
  });
  expect(after).toEqual({ kind: 'text', number: 3, text: 'b' });
});

test('of lines much longer than that no more is held, and their size is told all the same', async () => {
  const [line, next] = await linesOf(`${'z'.repeat(9 * CHUNK)}\nb`);
  expect(line).toMatchObject({ number: 1, reason: 'the line has 2359296 bytes, more than 1048576' });
  expect(next).toEqual({ kind: 'text', number: 2, text: 'b' });
});

test('a byte order mark at the beginning is no text, and elsewhere it is', async () => {
  expect(textsOf(await linesOf('\uFEFFa\n\uFEFFb\n'))).toEqual(['a', '\uFEFFb']);
});

test.each([
  ['is not UTF-8', Buffer.from('\xff\xfe', 'latin1'), 'the line is not UTF-8', '\uFFFD\uFFFD'],
  ['holds NUL bytes', Buffer.from('c\0d'), 'the line holds NUL bytes', 'c\uFFFDd'],
])('a line that %s is refused alone, the first one too', async (_, bad, reason, excerpt) => {
  const line = Buffer.concat([bad, Buffer.from('\n')]);
  expect(await linesOf(Buffer.concat([line, Buffer.from('a\n'), line, Buffer.from('b')]))).toEqual([
    { kind: 'unreadable', number: 1, reason, excerpt },
    { kind: 'text', number: 2, text: 'a' },
    { kind: 'unreadable', number: 3, reason, excerpt },
    { kind: 'text', number: 4, text: 'b' },
  ]);
});

test('only one CR before a line end belongs to it', async () => {
  expect(textsOf(await linesOf('a\r\r\nb\rc\n\r\n'))).toEqual(['a\r', 'b\rc', '']);
});

test('a file that is not there is not found', async () => {
  await expect(readLines('/no/such/file.csv').next()).rejects.toMatchObject({
    code: 'SOURCE_NOT_FOUND',
    message: expect.stringContaining('cannot read /no/such/file.csv: ENOENT'),
    cause: { code: 'ENOENT' },
  });
});
