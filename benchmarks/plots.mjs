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

/** What a job is called in plots. */
export function nameOfJob({ job, originals, place, model }) {
  const where = place === 'folder' ? '' : ' on S3';
  return `${job}, ${originals.split(',')[0]}${where}${model === null ? '' : `, ${model}`}`;
}

/** Images a second of each job, at its largest number of images. */
export function plotJobs(result) {
  const values = result.jobs.map((job) => {
    const { images, seconds } = job.points.at(-1);
    const rates = seconds.map((each) => images / each).toSorted((a, b) => a - b);
    return { name: nameOfJob(job), low: rates[0], perSecond: rates[rates.length >> 1], high: rates.at(-1) };
  });
  const y = { field: 'name', type: 'nominal', sort: values.map(({ name }) => name), title: null };
  const x = logAxis(values, 'perSecond', 'images/s (median, and from the slowest to the fastest)');
  return {
    title: { text: 'Images a second by job', subtitle: subtitleOf(result) },
    width: WIDTH,
    height: { step: 26 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 3, opacity: 0.4 },
        encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' } },
      },
      { mark: { type: 'point', filled: true, size: 50 }, encoding: { y, x } },
      {
        mark: { type: 'text', align: 'left', dx: 8, fontSize: 11 },
        encoding: { y, x, text: { field: 'perSecond', type: 'quantitative', format: ',.3~r' } },
      },
    ],
  };
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

/** Seconds of each job against its images, with what was measured as points; then the cost on S3 by what it is for. */
export function plotScaling(result, jobs) {
  const sizes = [1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
  // More lines could not be told apart; the table has all jobs.
  const isShown = ({ job, originals, place }) =>
    originals.startsWith('thumbnails')
      ? job === 'run' || place === 'folder'
      : job === 'run' && place === 'folder';
  const lines = result.million.filter(isShown).flatMap((job) =>
    sizes.map((images) => {
      const { start, each, low, high } = job.fit;
      return {
        job: nameOfJob(job),
        images,
        seconds: start + images * each,
        low: start + images * low,
        high: start + images * high,
      };
    }),
  );
  const points = jobs.jobs
    .filter(isShown)
    .flatMap((job) =>
      job.points.flatMap(({ images, seconds }) =>
        seconds.map((each) => ({ job: nameOfJob(job), images, seconds: each })),
      ),
    );
  const costs = result.scale.flatMap(({ images, cost }) =>
    Object.entries(cost).map(([part, dollars]) => ({ images, part, dollars })),
  );
  const x = logAxis(lines, 'images', 'images');
  const y = logAxis([...lines, ...points], 'seconds', 'seconds', ',~g');
  const legend = { symbolOpacity: 1, columns: 2 };
  const color = { field: 'job', type: 'nominal', title: null, sort: null, legend };
  return {
    title: {
      text: 'To a million images, and to a billion',
      subtitle: [subtitleOf(result), 'points are measured; lines and bands follow from them'],
    },
    vconcat: [
      {
        width: WIDTH,
        height: 320,
        layer: [
          {
            data: { values: lines },
            mark: { type: 'area', opacity: 0.15 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
          },
          { data: { values: lines }, mark: { type: 'line', strokeWidth: 1.5 }, encoding: { x, y, color } },
          {
            data: { values: points },
            mark: { type: 'point', filled: true, size: 35 },
            encoding: { x, y, color },
          },
        ],
      },
      logLog({
        values: costs,
        x: { field: 'images', title: 'thumbnails on S3' },
        y: { field: 'dollars', title: 'US dollars' },
        series: { field: 'part', sort: null },
      }),
    ],
    resolve: { scale: { color: 'independent' } },
  };
}
