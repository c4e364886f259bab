import { createReadStream } from 'node:fs';
import { messageOf, PixlakeError } from '../errors.ts';

/** A physical line: its number from 1, and its text without the line end, or the reason why it cannot be read. */
export type Line =
  | { readonly kind: 'text'; readonly number: number; readonly text: string }
  | {
      readonly kind: 'unreadable';
      readonly number: number;
      readonly reason: string;
      readonly excerpt: string;
    };

/** Longer lines are not data. Refusing them bounds memory for any file. */
const MAX_LINE_BYTES = 1024 * 1024;
const EXCERPT_LENGTH = 1000;
/** Only the first line of a file may start with a byte order mark. */
const HEAD_DECODER = new TextDecoder('utf-8', { fatal: true });
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Streams the lines of a UTF-8 file with LF or CRLF line ends. A byte order mark is dropped. @throws `SOURCE_NOT_FOUND` */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let number = 0;
  const hold = (bytes: Buffer): void => {
    if (heldBytes <= MAX_LINE_BYTES && bytes.length > 0) held.push(bytes);
    heldBytes += bytes.length;
  };
  const flush = (): Line => {
    number += 1;
    const line = toLine(number, held.length === 1 && held[0] ? held[0] : Buffer.concat(held), heldBytes);
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of readChunks(path)) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      hold(chunk.subarray(start, end));
      yield flush();
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (heldBytes > 0) yield flush();
}

async function* readChunks(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function toLine(number: number, bytes: Buffer, sizeBytes: number): Line {
  const unreadable = (reason: string): Line => {
    const excerpt = bytes.toString('utf8', 0, EXCERPT_LENGTH).replaceAll('\0', '\u{FFFD}');
    return { kind: 'unreadable', number, reason, excerpt };
  };
  if (sizeBytes > MAX_LINE_BYTES)
    return unreadable(`the line has ${sizeBytes} bytes, more than ${MAX_LINE_BYTES}`);
  if (bytes.includes(0)) return unreadable('the line holds NUL bytes');
  const content = bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
  try {
    return { kind: 'text', number, text: (number === 1 ? HEAD_DECODER : DECODER).decode(content) };
  } catch {
    return unreadable('the line is not UTF-8');
  }
}
