/** A token of an SQL text and its kind, as far as pixlake needs it; `other` is any other character. */
export interface SqlToken {
  readonly kind: 'blank' | 'semicolon' | 'word' | 'name' | 'other';
  readonly text: string;
  /** Index of its first UTF-16 unit in the text. */
  readonly start: number;
}

/**
 * Blanks or a comment, a semicolon, a quoted text, a quoted name, a word, or any other character. Each text matches in only one way, so
 * no input makes the search slow.
 */
const TOKEN =
  /(?<blank>\s+|--[^\n\r]*|(?<comment>\/\*))|(?<semicolon>;)|e'(?:[^'\\]|\\[\s\S])*'|'[^']*'|(?<name>"(?:[^"]|"")*")|\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?\$\k<tag>\$|(?<word>[\p{L}\p{N}_]+)|[\s\S]/giuy;

/** Cuts an SQL text into tokens that joined give the text again. Comments are blanks, quoted texts are `other`. */
export function* tokenize(sql: string): Generator<SqlToken> {
  for (let start = 0; start < sql.length; ) {
    TOKEN.lastIndex = start;
    const { blank, comment, semicolon, name, word } = TOKEN.exec(sql)?.groups ?? {};
    const end = comment === undefined ? TOKEN.lastIndex : endOfComment(sql, start);
    const kind =
      blank !== undefined
        ? 'blank'
        : semicolon !== undefined
          ? 'semicolon'
          : name !== undefined
            ? 'name'
            : word !== undefined
              ? 'word'
              : 'other';
    yield { kind, text: sql.slice(start, end), start };
    start = end;
  }
}

/** Block comments nest. */
function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(start).matchAll(/\/\*|\*\//gu)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return start + index + 2;
  }
  return sql.length;
}
