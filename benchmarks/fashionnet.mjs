// Full-width FashionNet on 64 images by pixlake and, where Python with onnxruntime is at hand, by that, in turn within the same minute:
// images a second, their ratio, and the peak memory of a process at the model's own batch size.
// PIXLAKE_PYTHON names an interpreter with onnxruntime and numpy.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveModel } from '../dist/model/lake-models.js';
import { openModelSession } from '../dist/model/open-session.js';
import { openStore } from '../dist/storage/open-store.js';
import { median } from './median.mjs';
import { saveResult } from './scaling/machine.mjs';

const IMAGES = 64;
const ROUNDS = 3;
const VALUES = 3 * 224 * 224;

const PYTHON = `
import sys, time, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
size, images = int(sys.argv[3]), int(sys.argv[4])
batch = numpy.random.default_rng(1).random((size, 3, 224, 224), numpy.float32)
session.run(None, {"input": batch})
start = time.perf_counter()
for _ in range(images // size): session.run(None, {"input": batch})
print(images / (time.perf_counter() - start))
`;

function timePython(python, onnxPath, threads, batchSize) {
  const args = ['-c', PYTHON, onnxPath, String(threads), String(batchSize), String(IMAGES)];
  return Number(execFileSync(python, args, { encoding: 'utf8' }));
}

async function timePixlake(files, threads) {
  const session = await openModelSession(files, { threads });
  const { batchSize } = files.card;
  const batch = Float32Array.from({ length: batchSize * VALUES }, (_, index) => (index % 997) / 997);
  await session.predict(batch, batchSize);
  const start = performance.now();
  for (let done = 0; done < IMAGES; done += batchSize) await session.predict(batch, batchSize);
  const seconds = (performance.now() - start) / 1000;
  await session.close();
  return IMAGES / seconds;
}

const folder = await mkdtemp(join(tmpdir(), 'pixlake-bench-'));
try {
  const start = performance.now();
  const files = await resolveModel(openStore(folder), 'fashionnet');
  const threads = availableParallelism();
  console.log(
    `${cpus()[0]?.model}, ${threads} threads, ${IMAGES} images in batches of ${files.card.batchSize}`,
  );
  console.log(`written and hashed in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const python = process.env.PIXLAKE_PYTHON;
  const rates = { pixlake: [], python: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rates.pixlake.push(await timePixlake(files, threads));
    if (python !== undefined)
      rates.python.push(timePython(python, files.onnxPath, threads, files.card.batchSize));
  }
  console.log(`pixlake: ${median(rates.pixlake).toFixed(2)} images/s (median of ${ROUNDS})`);
  if (python === undefined) console.log('SKIPPED: Python, for PIXLAKE_PYTHON names no interpreter');
  else {
    console.log(`Python:  ${median(rates.python).toFixed(2)} images/s`);
    console.log(`ratio:   ${(median(rates.pixlake) / median(rates.python)).toFixed(2)}`);
  }
  saveResult('fashionnet', {
    images: IMAGES,
    perSecond: median(rates.pixlake),
    pythonPerSecond: python === undefined ? null : median(rates.python),
  });
  console.log(`peak memory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
