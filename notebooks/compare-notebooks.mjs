// Compares an executed notebook with the committed one: all of it, but of cells tagged `measured` only the shape of the outputs.

/** The tag of cells whose outputs are times, which differ from one execution to the next. */
const MEASURED = 'measured';

/** A number as it is written in a text, with commas or a fraction. */
const NUMBER = /\d[\d,]*(?:\.\d+)?/gu;

/**
 * Says what differs between two notebooks, as they are parsed from their files.
 * @returns {string[]} one line for each difference; empty if there is none
 */
export function compareNotebooks(committed, executed) {
  const differences = [];
  if (!isSame({ ...committed, cells: [] }, { ...executed, cells: [] })) differences.push('metadata');
  const count = Math.max(committed.cells.length, executed.cells.length);
  for (let index = 0; index < count; index += 1) {
    const [before, after] = [committed.cells[index], executed.cells[index]];
    if (!isSame(withoutMeasurements(before), withoutMeasurements(after)))
      differences.push(`cell ${index}: ${before?.source[0]?.trim() ?? 'not in the committed notebook'}`);
  }
  return differences;
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A cell, of whose outputs only the shape is kept if they are measurements. */
function withoutMeasurements(cell) {
  if (!cell?.metadata.tags?.includes(MEASURED)) return cell;
  return { ...cell, outputs: cell.outputs.map(shapeOf) };
}

/** An output with `#` in the place of every number of its texts, and without the bytes of its images. */
function shapeOf({ data = {}, text, ...output }) {
  const shapes = Object.entries(data).map(([type, content]) => [
    type,
    type.startsWith('text/') ? withoutNumbers(content) : '',
  ]);
  return { ...output, data: Object.fromEntries(shapes), text: withoutNumbers(text) };
}

function withoutNumbers(text = '') {
  return [text].flat().join('').replaceAll(NUMBER, '#');
}
