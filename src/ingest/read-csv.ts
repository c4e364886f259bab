import { open as openFile } from 'node:fs/promises';
import { messageOf, PixlakeError } from '../errors.ts';
import { type Line, readLines } from './read-lines.ts';
import { type OpenRecord, type SplitRecord, splitRecord } from './split-record.ts';

/** A record of a CSV file: the number of its first line, its text, and its fields or the reason why they cannot be read. */
export interface CsvRecord {
  readonly line: number;
  readonly raw: string;
  readonly split: SplitRecord | { readonly reason: string };
}

/** An open CSV file: its header, and its records as a stream that starts again with each call. */
export interface CsvFile {
  readonly header: readonly string[];
  records(): AsyncGenerator<CsvRecord>;
}

/** Maximum number of lines in a quoted field. Without a limit, a crafted file would take quadratic time. */
const MAX_RECORD_LENGTH = 64 * 1024;

const PROBE_BYTES = 64 * 1024;

/**
 * Opens a CSV file with a header line. Blank lines are skipped. A record that cannot be split has a reason, and the next line is
 * read as usual, so a stray quote never swallows the rest of the file.
 *
 * @throws `SOURCE_NOT_FOUND`, `CSV_EMPTY`, `CSV_NOT_TEXT`, `CSV_HEADER_INVALID`
 */
export async function readCsv(path: string): Promise<CsvFile> {
  await checkText(path);
  const records = readRecords(path);
  const first = await records.next();
  await records.return(undefined);
  if (first.done) throw new PixlakeError('CSV_EMPTY', `${path} has no header line`);
  const { split } = first.value;
  if ('reason' in split)
    throw new PixlakeError('CSV_HEADER_INVALID', `the header of ${path}: ${split.reason}`);
  const header = split.fields.map((name) => name.trim());
  return {
    header,
    async *records() {
      let isHeader = true;
      for await (const record of readRecords(path, header.length)) {
        if (!isHeader) yield record;
        isHeader = false;
      }
    },
  };
}

async function checkText(path: string): Promise<void> {
  let head: Buffer;
  try {
    await using file = await openFile(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, 0);
    head = buffer.subarray(0, bytesRead);
  } catch (error) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (head.length === 0) throw new PixlakeError('CSV_EMPTY', `${path} has zero bytes`);
  try {
    if (head.includes(0)) throw new TypeError('it holds NUL bytes');
    // The probe may cut a character, which is not an error.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
  } catch (error) {
    throw new PixlakeError('CSV_NOT_TEXT', `${path} is not UTF-8 text: ${messageOf(error)}`, {
      cause: error,
      remedy: 'save it as CSV in UTF-8',
    });
  }
}

/** Joins lines into records while a quoted field is open. A joined record must have as many fields as the header. */
async function* readRecords(path: string, fieldCount?: number): AsyncGenerator<CsvRecord> {
  const lines = readLines(path);
  const ahead: Line[] = [];
  const nextLine = async (): Promise<Line | undefined> => {
    const held = ahead.shift();
    if (held !== undefined) return held;
    const read = await lines.next();
    return read.done ? undefined : read.value;
  };
  try {
    for (let line = await nextLine(); line !== undefined; line = await nextLine()) {
      if (line.kind === 'unreadable') {
        yield { line: line.number, raw: line.excerpt, split: { reason: line.reason } };
        continue;
      }
      if (line.text.trim() === '') continue;
      const split = splitRecord(line.text);
      if (!split.isOpen) {
        yield { line: line.number, raw: line.text, split };
        continue;
      }
      const taken: Line[] = [];
      const joined = await joinLines(line.text, split, nextLine, taken, fieldCount);
      if (joined !== undefined) yield { line: line.number, ...joined };
      else {
        ahead.unshift(...taken);
        yield {
          line: line.number,
          raw: line.text,
          split: { reason: 'a quote opens a field and is never closed' },
        };
      }
    }
  } finally {
    await lines.return(undefined);
  }
}

async function joinLines(
  first: string,
  firstSplit: SplitRecord,
  nextLine: () => Promise<Line | undefined>,
  taken: Line[],
  fieldCount: number | undefined,
): Promise<{ raw: string; split: SplitRecord } | undefined> {
  let raw = first;
  let open: OpenRecord = { split: firstSplit, length: first.length };
  for (;;) {
    const line = await nextLine();
    if (line === undefined) return undefined;
    taken.push(line);
    if (line.kind === 'unreadable') return undefined;
    raw += `\n${line.text}`;
    if (raw.length > MAX_RECORD_LENGTH) return undefined;
    // Only a line with a quote can close the field.
    if (!line.text.includes('"')) continue;
    const split = splitRecord(raw, open);
    open = { split, length: raw.length };
    // Giving up after too many lines keeps a file full of open quotes from taking quadratic time.
    if (fieldCount !== undefined && split.fields.length > fieldCount) return undefined;
    if (!split.isOpen)
      return fieldCount === undefined || split.fields.length === fieldCount ? { raw, split } : undefined;
  }
}
