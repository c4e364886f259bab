// Damaged JPEGs by the thousand: flipped bits, cuts, patched lengths, sizes and EXIF. None may take the process down, none may pass that sharp
// refuses, and whole images must come out as before afterwards. PIXLAKE_CORRUPT changes their number, PIXLAKE_CORRUPT_SEED the damage.
import assert from 'node:assert/strict';
import sharp from 'sharp';
import { applyTransform } from '../../dist/image/apply-transform.js';
import { renderImage } from '../../dist/image/render-image.js';
import { DEFAULT_TRANSFORM, undrawn } from '../../dist/image/transform.js';
import { describeBudget } from '../support/budget.mjs';

const COUNT = Number(process.env.PIXLAKE_CORRUPT ?? 10_000);
const SEED = Number(process.env.PIXLAKE_CORRUPT_SEED ?? 1);
const BUDGET_SECONDS = (90 * COUNT) / 10_000;
const TRANSFORM = { ...DEFAULT_TRANSFORM, crop: 0, size: 32 };
const DRAWN = { ...undrawn({ width: 40, height: 50 }), cropLeft: 2, cropTop: 3 };

/** Numbers from 0 to below `end`, from a seed: a linear congruential generator with the constants of Numerical Recipes. */
function makeRandom(seed) {
  let state = seed >>> 0;
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

const random = makeRandom(SEED);

async function drawOriginals() {
  const noise = Buffer.alloc(60 * 80 * 3);
  for (let index = 0; index < noise.length; index++) noise[index] = (index % 180) + random(60);
  const drawn = () => sharp(noise, { raw: { width: 60, height: 80, channels: 3 } });
  return Promise.all([
    drawn().jpeg().toBuffer(),
    drawn().jpeg({ progressive: true }).toBuffer(),
    drawn().jpeg({ chromaSubsampling: '4:4:4', quality: 98 }).toBuffer(),
    drawn().toColourspace('b-w').jpeg().toBuffer(),
    drawn()
      .withExif({ IFD0: { Orientation: '6', Copyright: 'somebody' } })
      .jpeg()
      .toBuffer(),
    drawn().resize(300, 400).jpeg({ quality: 60 }).toBuffer(),
  ]);
}

const DAMAGE = {
  flips(bytes) {
    for (let count = 1 + random(6); count > 0; count--) bytes[random(bytes.length)] ^= 1 << random(8);
    return bytes;
  },
  cut: (bytes) => bytes.subarray(0, random(bytes.length)),
  header(bytes) {
    for (let count = 1 + random(3); count > 0; count--)
      bytes[random(Math.min(700, bytes.length))] = random(256);
    return bytes;
  },
  size(bytes) {
    const frame = bytes.findIndex((byte, at) => byte === 0xff && [0xc0, 0xc2].includes(bytes[at + 1]));
    bytes.writeUInt16BE(random(65_536), frame + 5 + 2 * random(2));
    return bytes;
  },
  exif(bytes) {
    const body = Buffer.from(Array.from({ length: 20 + random(200) }, () => random(256)));
    body.write('Exif\0\0II*\0', 'latin1');
    const head = Buffer.from([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255]);
    return Buffer.concat([bytes.subarray(0, 2), head, body, bytes.subarray(2)]);
  },
  splice(bytes) {
    const [from, length, to] = [random(bytes.length), random(64), random(bytes.length)];
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + length), bytes.subarray(to)]);
  },
};

const passes = (work) =>
  work.then(
    () => true,
    (error) => {
      assert.match(String(error.code), /^IMAGE_/u, error);
      return false;
    },
  );

const originals = await drawOriginals();
const render = (bytes) => renderImage(bytes, TRANSFORM, DRAWN);
const before = await Promise.all(originals.map(render));
const kinds = Object.entries(DAMAGE);
const counts = { refused: 0, passed: 0, stricter: 0 };
const startBytes = process.memoryUsage().rss;
for (let index = 0; index < COUNT; index++) {
  const [kind, damage] = kinds[index % kinds.length];
  const bytes = damage(Buffer.from(originals[random(originals.length)]));
  const isOurs = await passes(render(bytes));
  const isSharps = await passes(applyTransform(bytes, TRANSFORM, DRAWN));
  assert.ok(isSharps || !isOurs, `image ${index} (${kind}) passes here, but not with sharp`);
  counts[isOurs ? 'passed' : isSharps ? 'stricter' : 'refused'] += 1;
}
const after = await Promise.all(originals.map(render));
for (const [index, { encoded }] of after.entries())
  assert.ok(
    Buffer.from(encoded).equals(Buffer.from(before[index].encoded)),
    `original ${index} is as before`,
  );
const grownMiB = Math.round((process.memoryUsage().rss - startBytes) / 1024 ** 2);
console.log(
  `${COUNT} damaged JPEGs: ${counts.refused} refused, ${counts.passed} passed as with sharp, ${counts.stricter} refused here only; memory grew by ${grownMiB} MiB`,
);
console.log(`      ${describeBudget(BUDGET_SECONDS)}`);
assert.ok(counts.passed > COUNT / 4 && counts.refused > COUNT / 4, 'both kinds are met');
assert.ok(counts.stricter < COUNT / 50, 'few are refused that sharp takes');
assert.ok(grownMiB < 300, 'memory stays bounded');
