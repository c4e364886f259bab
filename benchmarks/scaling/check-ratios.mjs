// The regression check: ratios between measurements of one run, which a slower machine does not change, against the least that is expected.

const rateOf = ({ images, seconds }) => images / seconds;

/** The largest run without model, and the largest of those of a third of its images at most. */
function compareRuns(processing) {
  const points = processing?.points.filter(({ model }) => model === null) ?? [];
  const largest = points.at(-1);
  const smaller = points.findLast(({ images }) => images <= (largest?.images ?? 0) / 3);
  return largest && smaller && { largest, smaller };
}

/** Each ratio, or `undefined` where its part was not measured; larger is better. */
const RATIOS = {
  'images/s of the largest run to one of a third': ({ processing }) => {
    const runs = compareRuns(processing);
    const of = ({ images, runSeconds: seconds }) => rateOf({ images, seconds });
    return runs && of(runs.largest) / of(runs.smaller);
  },
  'peak memory of a run of a third to that of the largest': ({ processing }) => {
    const runs = compareRuns(processing);
    return runs && runs.smaller.peakMb / runs.largest.peakMb;
  },
  'latency of 500 ids unpruned to pruned, on the largest table': ({ queries }) => {
    const rows = queries?.points.at(-1)?.rows;
    const msOf = (name) => queries.points.find((point) => point.rows === rows && point.query === name).ms;
    return rows && msOf('500 ids, unpruned') / msOf('500 ids, pruned');
  },
  'images/s of two workers to one': ({ workers }) => {
    const [one, two] = workers?.points ?? [];
    return two && rateOf(two) / rateOf(one);
  },
  'images/s of pixlake to OpenCV in a process pool': ({ peers }) => {
    const of = (tool) => peers.transform.find((point) => point.tool === tool);
    return peers && of('OpenCV, process pool') && rateOf(of('pixlake')) / rateOf(of('OpenCV, process pool'));
  },
};

export function checkRatios(results, expected) {
  return Object.entries(RATIOS).flatMap(([name, ratio]) => {
    const value = ratio(results);
    if (value === undefined) return [];
    const least = expected[name];
    if (least === undefined) throw new Error(`ratios.json expects nothing of "${name}"`);
    return [{ name, value, least, isMet: value >= least }];
  });
}
