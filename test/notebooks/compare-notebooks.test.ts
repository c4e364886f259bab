import { expect, test } from 'vitest';
import { compareNotebooks, type ParsedNotebook } from '../../notebooks/compare-notebooks.mjs';

type Output = Readonly<Record<string, unknown>>;

/** A notebook of one cell with its outputs. */
function notebookOf(
  outputs: readonly Output[],
  tags: readonly string[] = [],
  source = 'show()',
): ParsedNotebook {
  const cell = { cell_type: 'code', metadata: { tags }, source: [source], outputs };
  return { cells: [cell] };
}

const text = (value: string): Output => ({ output_type: 'display_data', data: { 'text/markdown': value } });
const stream = (value: string): Output => ({ output_type: 'stream', name: 'stdout', text: [value] });
const png = (bytes: string): Output => ({ output_type: 'display_data', data: { 'image/png': bytes } });

test('the same notebook has no differences', () => {
  expect(compareNotebooks(notebookOf([text('1 s')]), notebookOf([text('1 s')]))).toEqual([]);
});

test.each([
  ['a number of a text', text('| run | 0.125 |'), text('| run | 0.126 |')],
  ['a line that was printed', stream('7 files'), stream('8 files')],
  ['a picture', png('AAAA'), png('AAAB')],
])('%s that changes is a difference, which names the cell', (_, before, after) => {
  expect(compareNotebooks(notebookOf([before]), notebookOf([after]))).toEqual(['cell 0: show()']);
});

test.each([
  ['numbers of a text', text('| run | 1,024 | 0.125 |'), text('| run | 987 | 12.5 |')],
  ['numbers that were printed', stream('279 images in 0.10 s'), stream('279 images in 1.2 s')],
  ['pictures', png('AAAA'), png('AAAB')],
])('%s of a measured cell may change', (_, before, after) => {
  const [committed, executed] = [notebookOf([before], ['measured']), notebookOf([after], ['measured'])];
  expect(compareNotebooks(committed, executed)).toEqual([]);
});

test.each([
  ['another text', [text('| run | 1 |')], [text('| query | 1 |')]],
  ['one row more', [text('| run | 1 |')], [text('| run | 1 |\n| run | 2 |')]],
  ['an error for a picture', [png('AAAA')], [{ output_type: 'error', evalue: 'no plot' }]],
  ['a picture for a text', [text('1')], [png('1')]],
  ['one output less', [text('1'), png('AAAA')], [text('2')]],
])('%s in a measured cell is a difference', (_, before, after) => {
  const [committed, executed] = [notebookOf(before, ['measured']), notebookOf(after, ['measured'])];
  expect(compareNotebooks(committed, executed)).toEqual(['cell 0: show()']);
});

test('the source of a measured cell, a cell more and other metadata are differences', () => {
  const committed = notebookOf([], ['measured']);
  expect(compareNotebooks(committed, notebookOf([], ['measured'], 'time()'))).toEqual(['cell 0: show()']);
  const longer = { cells: [...committed.cells, ...committed.cells] };
  expect(compareNotebooks(committed, longer)).toEqual(['cell 1: not in the committed notebook']);
  expect(compareNotebooks(committed, { ...committed, nbformat: 5 } as ParsedNotebook)).toEqual(['metadata']);
});
