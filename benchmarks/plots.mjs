// The plots of `npm run bench`, as specs of Vega-Lite made from its results.

const WIDTH = 520;

const subtitleOf = ({ machine }) =>
  `${machine.cores} x ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}, ${machine.date}`;

/** Powers of ten; twice and five times of them too where there would be few. */
function ticksOf(values) {
  const logs = values.map((value) => Math.log10(value));
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const count = Math.ceil(most) - Math.floor(least) + 1;
  const factors = most - least < 2.5 ? [1, 2, 5] : [1];
  return Array.from({ length: count }, (_, index) => 10 ** (Math.floor(least) + index)).flatMap((power) =>
    factors.map((factor) => Number((power * factor).toPrecision(1))),
  );
}

/** A logarithmic axis. */
function logAxis(values, field, title, format = '~s') {
  return {
    field,
    type: 'quantitative',
    title,
    scale: { type: 'log', nice: false },
    axis: {
      values: ticksOf(values.map((row) => row[field])),
      format,
      // d3 has G for a billion.
      labelExpr: "replace(datum.label, 'G', 'B')",
      gridDash: [2, 2],
    },
  };
}

/** Points joined by lines, on logarithmic axes. */
function logLog({ values, x, y, series, height = 240 }) {
  return {
    width: WIDTH,
    height,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: logAxis(values, x.field, x.title),
      y: logAxis(values, y.field, y.title, ',~g'),
      color: { field: series.field, type: 'nominal', title: null, sort: series.sort },
    },
  };
}

const JOBS = ['SELECT', 'run', 'run with model'];

/** Query and processing time against the number of images; images a second and peak memory beneath. */
export function plotProcessing(result) {
  const rows = result.points.flatMap(({ images, model, querySeconds, runSeconds, peakMb }) => {
    const job = model === null ? 'run' : 'run with model';
    const run = { job, images, seconds: runSeconds, perSecond: images / runSeconds, peakMb };
    const query = { job: 'SELECT', images, seconds: querySeconds, perSecond: images / querySeconds };
    return querySeconds === null || model !== null ? [run] : [query, run];
  });
  const runs = rows.filter(({ job }) => job !== 'SELECT');
  const x = { field: 'images', title: 'images written, or rows selected' };
  const series = { field: 'job', sort: JOBS };
  return {
    title: { text: 'Time against the number of images', subtitle: subtitleOf(result) },
    vconcat: [
      logLog({ values: rows, x, y: { field: 'seconds', title: 'seconds' }, series }),
      logLog({ values: runs, x, y: { field: 'perSecond', title: 'images/s' }, series, height: 130 }),
      {
        width: WIDTH,
        height: 110,
        data: { values: runs },
        mark: { type: 'line', point: true },
        encoding: {
          x: logAxis(runs, 'images', x.title),
          y: { field: 'peakMb', type: 'quantitative', title: 'peak memory, MB' },
          color: { field: 'job', type: 'nominal', title: null, sort: JOBS },
        },
      },
    ],
    resolve: { scale: { color: 'shared' } },
  };
}

/** Latency of queries against the number of metadata rows. */
export function plotQueries(result) {
  const values = result.points.map((point) => ({ ...point, seconds: point.ms / 1000 }));
  return {
    title: { text: 'Query latency against the number of rows', subtitle: subtitleOf(result) },
    ...logLog({
      values,
      x: { field: 'rows', title: 'rows of metadata' },
      y: { field: 'seconds', title: 'seconds' },
      series: { field: 'query', sort: result.queries },
    }),
  };
}

/** Bars with their values, in the order that is given. */
function bars(result, { title, values, field, label }) {
  const sort = values.map(({ name }) => name);
  return {
    title: { text: title, subtitle: subtitleOf(result) },
    width: WIDTH,
    height: { step: 26 },
    data: { values },
    encoding: {
      y: { field: 'name', type: 'nominal', sort, title: null },
      x: { field, type: 'quantitative', title: label },
    },
    layer: [
      { mark: 'bar' },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
        encoding: { text: { field, type: 'quantitative', format: ',.0f' } },
      },
    ],
  };
}

/** Images ingested a second. */
export function plotIngest(result) {
  const values = result.points.map(({ images, seconds }) => ({ images, perSecond: images / seconds }));
  return {
    title: { text: 'Ingest: images a second against the number of images', subtitle: subtitleOf(result) },
    width: WIDTH,
    height: 200,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: logAxis(values, 'images', 'images'),
      y: { field: 'perSecond', type: 'quantitative', title: 'images/s' },
    },
  };
}

/** Images a second by the number of worker threads. */
export function plotWorkers(result) {
  const values = result.points.map(({ workers, images, seconds }) => ({
    name: String(workers),
    perSecond: images / seconds,
  }));
  const title = 'Images a second by worker threads';
  return bars(result, { title, values, field: 'perSecond', label: 'images/s' });
}

/** The same run on a folder and on S3. */
export function plotStores(result) {
  const values = result.points.map(({ store, images, seconds }) => ({
    name: store,
    perSecond: images / seconds,
  }));
  const title = 'Images a second: folder and S3';
  return bars(result, { title, values, field: 'perSecond', label: 'images/s' });
}

/** Other tools on the same files, and on the same Parquet. */
export function plotPeers(result) {
  const transform = result.transform
    .map(({ tool, images, seconds }) => ({ name: tool, perSecond: images / seconds }))
    .toSorted((a, b) => b.perSecond - a.perSecond);
  const query = result.query.map(({ tool, ms }) => ({ name: tool, ms })).toSorted((a, b) => a.ms - b.ms);
  const rows = result.queryRows.toLocaleString('en');
  const title = 'Crop, resize to 256x256, JPEG: files in, files out';
  const first = bars(result, { title, values: transform, field: 'perSecond', label: 'images/s' });
  const label = `milliseconds for a histogram over ${rows} rows`;
  const second = bars(result, { title, values: query, field: 'ms', label });
  return {
    title: first.title,
    vconcat: [first, second].map((panel) => ({ ...panel, title: undefined })),
    resolve: { scale: { y: 'independent' } },
  };
}

/** Images a second and memory in the course of one long run. */
export function plotMillion(result) {
  const values = result.points.slice(1).map((point, index) => {
    const before = result.points[index];
    return {
      ...point,
      perSecond: (point.images - before.images) / (point.seconds - before.seconds),
    };
  });
  const x = { field: 'images', type: 'quantitative', title: 'images written', axis: { format: '~s' } };
  const panel = (field, title, height) => ({
    width: WIDTH,
    height,
    data: { values },
    mark: { type: 'line', point: { size: 20 } },
    encoding: { x, y: { field, type: 'quantitative', title, scale: { zero: true } } },
  });
  return {
    title: {
      text: `One run over ${result.images.toLocaleString('en')} images`,
      subtitle: subtitleOf(result),
    },
    vconcat: [panel('perSecond', 'images/s', 160), panel('rssMb', 'resident memory, MB', 130)],
  };
}

/** Cost by what it is for, and machine time, against the number of images. */
export function plotScaling(result) {
  const series = { field: 'part', sort: null };
  const costs = result.rows.flatMap(({ images, cost }) =>
    Object.entries(cost).map(([part, dollars]) => ({ images, part, dollars })),
  );
  const hours = result.rows.flatMap(({ images, hours: each }) =>
    Object.entries(each).map(([part, value]) => ({ images, part, hours: value })),
  );
  const x = { field: 'images', title: 'images' };
  return {
    title: { text: 'To a billion images', subtitle: result.subtitle },
    vconcat: [
      logLog({
        values: hours,
        x,
        y: { field: 'hours', title: 'machine hours' },
        series,
      }),
      logLog({ values: costs, x, y: { field: 'dollars', title: 'US dollars' }, series }),
    ],
    resolve: { scale: { color: 'independent' } },
  };
}
