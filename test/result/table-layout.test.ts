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
    [24, [4, 10, 10], [4, 8, 8]],
    [23, [4, 10, 10], [4, 7, 7]],
    [28, [4, 10, 10], [4, 10, 10]],
    [27, [4, 10, 10], [4, 9, 9]],
    [24, [10, 4, 10], [8, 4, 8]],
    [24, [2, 9, 30], [2, 9, 9]],
    [23, [2, 8, 30], [2, 8, 9]],
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
    [22, [9, 9, 9], 3],
    [21, [9, 9, 9], 2],
    [14, [9, 9, 9], 2],
    [13, [9, 9, 9], 1],
    [16, [2, 3, 7], 3],
    [14, [2, 3, 7], 2],
    [5, [9, 9], 1],
  ])('in %i columns of widths %o shows %i', (maxWidth, widths, shown) => {
    const { lines, columnCount } = layOutTable(ofWidths(...widths), maxWidth);
    expect(columnCount).toBe(shown);
    expect(lines[1]?.split('  ')).toHaveLength(shown);
  });
});
