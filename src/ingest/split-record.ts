/** A split CSV record. */
export interface SplitRecord {
  /** Values of the fields, without the quotes of quoted fields. */
  readonly fields: string[];
  /** Start of each field in the text, by which a field and everything after it can be taken exactly as written. */
  readonly starts: number[];
  /** Whether the text ends inside a quoted field, so the record continues in the next line. */
  readonly isOpen: boolean;
}

/** An open record, to continue with when more lines have been added, without reading the first ones again. */
export interface OpenRecord {
  readonly split: SplitRecord;
  /** Length of the text that was split. */
  readonly length: number;
}

const UNCLOSED = -1;
const LITERAL = -2;

/**
 * Splits a record by RFC 4180, except that a quote is literal unless it opens a field and closes before a comma or the end. Catalogues
 * written by hand contain `3.5" Pink Short`. Known CSV libraries neither report where fields start nor continue after an unclosed quote.
 */
export function splitRecord(text: string, open?: OpenRecord): SplitRecord {
  if (!text.includes('"')) return splitPlain(text);
  const fields = open?.split.fields.slice(0, -1) ?? [];
  const starts = open?.split.starts.slice(0, -1) ?? [];
  let position = open?.split.starts.at(-1) ?? 0;
  let seen = open?.length ?? 0;
  for (;;) {
    starts.push(position);
    const closing = text[position] === '"' ? findClosingQuote(text, Math.max(position + 1, seen)) : LITERAL;
    if (closing === UNCLOSED) return { fields: [...fields, text.slice(position)], starts, isOpen: true };
    const end = closing === LITERAL ? endOfField(text, position) : closing + 1;
    const field =
      closing === LITERAL
        ? text.slice(position, end)
        : text.slice(position + 1, closing).replaceAll('""', '"');
    fields.push(field);
    if (end >= text.length) return { fields, starts, isOpen: false };
    position = end + 1;
    seen = 0;
  }
}

function splitPlain(text: string): SplitRecord {
  const fields = text.split(',');
  const starts: number[] = [];
  let position = 0;
  for (const field of fields) {
    starts.push(position);
    position += field.length + 1;
  }
  return { fields, starts, isOpen: false };
}

function endOfField(text: string, start: number): number {
  const comma = text.indexOf(',', start);
  return comma === -1 ? text.length : comma;
}

/** Finds the quote that closes a quoted field; `LITERAL` if text follows that quote, so both quotes are literal. */
function findClosingQuote(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote !== -1; quote = text.indexOf('"', quote + 2)) {
    const next = text[quote + 1];
    if (next === undefined || next === ',') return quote;
    if (next !== '"') return LITERAL;
  }
  return UNCLOSED;
}
