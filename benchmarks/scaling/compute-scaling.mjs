// What a million and more images take, computed from the result files of the measurements.
import { fitJob, MACHINE_CORES, PRICES, secondsOf, speedUp } from './model.mjs';

const MILLION = 1e6;

/** Each job with its seconds for a million images on the cores that were measured, and on a machine with more. */
function millionOf({ jobs, workers }) {
  const { cores } = jobs.machine;
  const faster = speedUp(workers, MACHINE_CORES);
  return jobs.jobs.map((job) => {
    const fit = fitJob(job, cores);
    const here = secondsOf(fit, MILLION);
    // Nothing tells yet how much an ingest gains by more cores.
    const least = job.job === 'run' ? faster.least : 1;
    const { requestsPerImage: requests } = job;
    return {
      job: job.job,
      originals: job.originals,
      place: job.place,
      model: job.model,
      measuredImages: job.points.at(-1).images,
      fit,
      here,
      onMachine: { low: here.low / faster.most, high: here.high / least },
      requestDollars:
        requests === undefined ? null : MILLION * (requests.get * PRICES.get + requests.put * PRICES.put),
    };
  });
}

/** Thumbnails on S3, which is the usual place of a lake that is large. */
function scaleOf({ jobs, million }) {
  const { cores } = jobs.machine;
  const job = jobs.jobs.find(({ requestsPerImage }) => requestsPerImage !== undefined);
  if (job === undefined) return [];
  const of = (model) =>
    jobs.jobs.find(
      (one) =>
        one.job === 'run' && one.place === 'folder' && one.model === model && one.originals === job.originals,
    );
  const modelCore = (fitJob(of('fashion-tiny'), cores).each - fitJob(of(null), cores).each) * cores;
  const plainCore = fitJob(job, cores).each * cores;
  const bytesOut = million.bytes.images / million.images;
  return [44_072, 1e6, 1e7, 1e8, 1e9].map((images) => {
    const hoursOf = (coreSeconds) => (images * coreSeconds) / 3600 / MACHINE_CORES;
    const hours = {
      'without model': hoursOf(plainCore),
      'with fashion-tiny': hoursOf(plainCore + modelCore),
    };
    return {
      images,
      hours,
      machinesInAnHour: Object.values(hours).map(Math.ceil),
      machinesInADay: Object.values(hours).map((value) => Math.ceil(value / 24)),
      outputGb: (images * (bytesOut + million.bytes.manifest / million.images)) / 1e9,
      planMb: (images * million.bytes.plan) / million.rows / 1e6,
      cost: {
        'machines, without model': hours['without model'] * PRICES.machineHour,
        'machines, with fashion-tiny': hours['with fashion-tiny'] * PRICES.machineHour,
        'S3 requests':
          images * (job.requestsPerImage.get * PRICES.get + job.requestsPerImage.put * PRICES.put),
        'a month of storage': ((images * bytesOut) / 1e9) * PRICES.gbMonth,
      },
    };
  });
}

/** The content of `scaling.json`. It names the measurements it comes from instead of a machine of its own. */
export function computeScaling(measured) {
  const { jobs, workers } = measured;
  return {
    machine: jobs.machine,
    from: Object.fromEntries(Object.entries(measured).map(([name, { machine }]) => [name, machine])),
    prices: PRICES,
    speedUp: { cores: MACHINE_CORES, ...speedUp(workers, MACHINE_CORES) },
    million: millionOf(measured),
    scale: scaleOf(measured),
  };
}
