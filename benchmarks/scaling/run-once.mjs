// Does one job on a lake and prints how long it took and the most memory this process has had. The argument is JSON:
// { lake, query?: SQL, repeat?: times, run?: spec, ingest?: spec, workers? }
import { openLakehouse } from '../../dist/bundle/index.js';
import { median } from '../median.mjs';

const { lake, workers, query, repeat = 1, run, ingest } = JSON.parse(process.argv[2]);
const lakehouse = openLakehouse({ lake, ...(workers === undefined ? {} : { workers }) });
const result = {};

async function secondsOf(work) {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

if (query !== undefined) {
  const seconds = [];
  for (let time = 0; time < repeat; time++) {
    seconds.push(
      await secondsOf(async () => {
        const rows = await lakehouse.query(query);
        for await (const _ of rows.rows()) result.rowCount = (result.rowCount ?? 0) + 1;
        await rows[Symbol.asyncDispose]();
      }),
    );
  }
  result.rowCount /= repeat;
  result.querySeconds = median(seconds);
}
const cpuSecondsSince = (before) => {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};
if (run !== undefined) {
  const before = process.cpuUsage();
  result.runSeconds = await secondsOf(async () => {
    const report = await lakehouse.run(run);
    result.imageCount = report.imageCount;
    if (report.outcome !== 'finished') throw new Error(`run ${run.name} was there already`);
  });
  result.runCpuSeconds = cpuSecondsSince(before);
}
if (ingest !== undefined) {
  const before = process.cpuUsage();
  result.ingestSeconds = await secondsOf(async () => {
    result.ingestedCount = (await lakehouse.ingest(ingest)).ingestedCount;
  });
  result.ingestCpuSeconds = cpuSecondsSince(before);
}
result.peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify(result));
