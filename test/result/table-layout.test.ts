import { describe, expect, test } from 'vitest';
import { layOutTable, type TextColumn } from '../../src/result/table-layout.ts';

const column = (name: string, cells: readonly string[], align: TextColumn['align'] = 'left'): TextColumn => ({
  name,
  align,
  cells,
});

/** Columns with one cell each, of these widths. */
const ofWidths = (...widths: readonly number[]): TextColumn[] =>
  widths.map((width, index) => column('', [String(index).repeat(width)]));

describe('a table', () => {
  test('has its columns side by side, as wide as name and cells, without spaces at the end', () => {
    const columns = [
      column('id', ['15970', '7'], 'right'),
      column('name', ['a', '日本語']),
      column('', ['', '']),
    ];
    expect(layOutTable(columns, 100)).toEqual({
      lines: ['   id  name', '─────  ──────  ─', '15970  a', '    7  日本語'],
      columnCount: 3,
    });
  });

  test.each([
    [100, ['a', 'b', 'c', 'd']],
    [46, ['a', 'b', 'c', 'd']],
    [45, ['a', 'c', 'd']],
    [33, ['c', 'd']],
    [21, ['c']],
    [1, ['c']],
  ])('in %i columns leaves out those of the highest rank, and of these the last', (maxWidth, shown) => {
    const ranked = (name: string, rank?: number): TextColumn => ({
      ...column(name, ['x'.repeat(10)]),
      ...(rank === undefined ? {} : { rank }),
    });
    const { lines, columnCount } = layOutTable(
      [ranked('a', 1), ranked('b', 2), ranked('c'), ranked('d', 0)],
      maxWidth,
    );
    expect(lines[0]?.split(/\s+/u)).toEqual(shown);
    expect(columnCount).toBe(shown.length);
  });

  test('may have no columns and no rows', () => {
    expect(layOutTable([], 10)).toEqual({ lines: ['', ''], columnCount: 0 });
    expect(layOutTable([column('a', [])], 10)).toEqual({ lines: ['a', '─'], columnCount: 1 });
  });

  test('has a cell for each row of its first column', () => {
    expect(layOutTable([column('a', ['1', '2']), column('b', ['3'], 'right')], 10).lines).toEqual([
      'a  b',
      '─  ─',
      '1  3',
      '2',
    ]);
  });

  test.each([
    [38, [4, 20, 20], [4, 15, 15]],
    [37, [4, 20, 20], [4, 14, 14]],
    [48, [4, 20, 20], [4, 20, 20]],
    [47, [4, 20, 20], [4, 19, 19]],
    [38, [20, 4, 20], [15, 4, 15]],
    [40, [2, 19, 60], [2, 17, 17]],
    [40, [2, 12, 60], [2, 12, 22]],
    [20, [30, 4], [14, 4]],
    [9, [30], [9]],
    [1, [30], [1]],
    [0, [30], [1]],
  ])('in %i columns has widths of %o cut to %o', (maxWidth, widths, cut) => {
    const { lines, columnCount } = layOutTable(ofWidths(...widths), maxWidth);
    expect(lines[1]?.split('  ').map(({ length }) => length)).toEqual(cut);
    expect(columnCount).toBe(widths.length);
    const [first = 0] = cut;
    expect(lines[2]?.slice(0, first)).toBe(
      first === widths[0] ? '0'.repeat(first) : `${'0'.repeat(first - 1)}…`,
    );
  });

  test.each([
    [46, [20, 20, 20], 3],
    [45, [20, 20, 20], 2],
    [30, [20, 20, 20], 2],
    [29, [20, 20, 20], 1],
    [23, [2, 3, 14], 3],
    [22, [2, 3, 14], 2],
    [9, [20, 20], 1],
  ])('in %i columns of widths %o shows %i', (maxWidth, widths, shown) => {
    const { lines, columnCount } = layOutTable(ofWidths(...widths), maxWidth);
    expect(columnCount).toBe(shown);
    expect(lines[1]?.split('  ')).toHaveLength(shown);
  });
});
