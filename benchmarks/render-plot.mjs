// Draws Vega-Lite plots as SVG and PNG, in one style, without a browser.
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { drawSvg } from 'pixlake';

const FONT = 'DejaVu Sans';

/** Colours that readers with colour blindness tell apart: Okabe and Ito, https://jfly.uni-koeln.de/color/ */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#5b6270'];

const CONFIG = {
  font: FONT,
  background: '#ffffff',
  padding: 16,
  title: { fontSize: 17, subtitleFontSize: 12, anchor: 'start', subtitleColor: '#5b6270', offset: 14 },
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    titlePadding: 8,
    gridColor: '#e9ebee',
    domainColor: '#9aa1ad',
    tickColor: '#9aa1ad',
    labelLimit: 600,
  },
  header: { labelFontSize: 12, titleFontSize: 12 },
  legend: {
    orient: 'bottom',
    columns: 2,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 600,
    symbolStrokeWidth: 2,
  },
  view: { stroke: null },
  range: { category: COLOURS },
  bar: { color: COLOURS[0] },
  line: { strokeWidth: 2, color: COLOURS[0] },
  point: { filled: true, size: 45, color: COLOURS[0] },
};

/**
 * Draws a plot.
 * @param {object} spec of Vega-Lite
 * @returns {Promise<{ svg: string, png: Buffer }>} the PNG has two pixels for each unit
 */
export async function renderPlot(spec) {
  const { spec: plot } = compile({ config: CONFIG, ...spec });
  const view = new View(parse(plot), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return { svg, png: await drawSvg(svg, 2) };
}
