import { cutText, displayWidth } from './display-text.ts';

/** A column of a table for people, as text that is safe to show. */
export interface TextColumn {
  readonly name: string;
  readonly align: 'left' | 'right';
  /** One text per row. */
  readonly cells: readonly string[];
  /** Texts of no use unless they are whole, such as links: they are not cut, and stand last. */
  readonly isWhole?: boolean;
  /** Where not all columns fit, those of a higher rank are left out first; 0 by default. */
  readonly rank?: number;
}

const GAP = '  ';
/** Columns are not cut narrower than this, because what is left would say nothing; instead some are left out. */
const MIN_WIDTH = 14;

/** The lines of a table, and how many of its columns fit. */
export interface TableLayout {
  readonly lines: readonly string[];
  readonly columnCount: number;
}

/**
 * Lays out columns side by side under a header. The widest columns are cut, all to the same width, until a line takes at most `maxWidth`
 * terminal columns. If that is not enough, columns are left out: those of the highest rank first, and of these the last. Columns that are not to be cut follow, beyond that width.
 */
export function layOutTable(columns: readonly TextColumn[], maxWidth: number): TableLayout {
  const measured = columns.map((column) => ({ ...column, width: widthOf(column) }));
  const whole = measured.filter(({ isWhole }) => isWhole);
  const others = measured.filter(({ isWhole }) => !isWhole);
  const fitting = chooseFitting(others, maxWidth);
  const room = maxWidth - GAP.length * (fitting.length - 1);
  const limit = widthLimit(
    fitting.map(({ width }) => width),
    room,
  );
  const shown = [...fitting.map((column) => ({ ...column, width: Math.min(column.width, limit) })), ...whole];
  const line = (texts: readonly string[]): string =>
    shown
      .map(({ width, align }, index) => pad(cutText(texts[index] ?? '', width), width, align))
      .join(GAP)
      .trimEnd();
  const rowCount = columns[0]?.cells.length ?? 0;
  const rows = Array.from({ length: rowCount }, (_, row) => line(shown.map(({ cells }) => cells[row] ?? '')));
  const rule = shown.map(({ width }) => '─'.repeat(width)).join(GAP);
  return { lines: [line(shown.map(({ name }) => name)), rule, ...rows], columnCount: shown.length };
}

function widthOf({ name, cells }: TextColumn): number {
  return Math.max(1, displayWidth(name), ...cells.map(displayWidth));
}

/** The columns to show, in their order. */
function chooseFitting<Column extends TextColumn & { readonly width: number }>(
  columns: readonly Column[],
  maxWidth: number,
): Column[] {
  const byRank = columns.toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  const chosen = new Set<Column>();
  let total = 0;
  for (const column of byRank) {
    total += Math.min(column.width, MIN_WIDTH) + (chosen.size === 0 ? 0 : GAP.length);
    if (total > maxWidth && chosen.size > 0) break;
    chosen.add(column);
  }
  return columns.filter((column) => chosen.has(column));
}

/** The greatest width to which the columns can be limited so that their sum fits. */
function widthLimit(widths: readonly number[], room: number): number {
  let left = room;
  const ascending = widths.toSorted((a, b) => a - b);
  for (const [index, width] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - index));
    if (width > share) return Math.max(1, share);
    left -= width;
  }
  return Number.POSITIVE_INFINITY;
}

function pad(text: string, width: number, align: TextColumn['align']): string {
  const spaces = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? spaces + text : text + spaces;
}
