import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PixlakeError } from '../errors.ts';
import { drawProduct, MAX_ROWS, type Product } from './draw-product.ts';
import { placeQuirks, type Quirk, scaleCount, STRAY_COUNT } from './quirks.ts';
import { createRandom } from './random.ts';
import { renderImage } from './render-image.ts';

/** How a catalogue is drawn. */
export interface SampleOptions {
  /** Rows of `styles.csv`; 600 by default. */
  readonly rows?: number;
  /** Unsigned 32-bit number that all choices come from; 42 by default. */
  readonly seed?: number;
  readonly onProgress?: (doneCount: number, totalCount: number) => void;
}

/** What was drawn: `quirks` counts the flaws that were planted, by name. */
export interface SampleSummary {
  readonly dir: string;
  readonly rowCount: number;
  readonly imageCount: number;
  readonly quirks: Readonly<Record<string, number>>;
}

const HEADER =
  'id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName';

/** Images rendered at once; bounds memory whatever the number of rows. */
const CONCURRENCY = 8;

const NULLABLE = ['baseColour', 'season', 'year', 'usage', 'productDisplayName'] as const;

/**
 * Draws a catalogue in the format of the Kaggle data set "Fashion Product Images (Small)": `styles.csv` and `images/<id>.jpg`, with the
 * flaws of the real one. The same rows and seed give the same bytes. Files of the same name are overwritten, others are left alone.
 *
 * @throws `ARGUMENT_INVALID` for a number of rows or a seed out of range, `OUTPUT_FAILED`
 */
export async function writeSample(dir: string, options: SampleOptions = {}): Promise<SampleSummary> {
  const { rows = 600, seed = 42, onProgress } = options;
  checkRange('rows', rows, 1, MAX_ROWS);
  checkRange('seed', seed, 0, 2 ** 32 - 1);
  try {
    return await writeCatalogue(dir, rows, seed, onProgress);
  } catch (error) {
    throw new PixlakeError('OUTPUT_FAILED', `cannot write the catalogue into ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function writeCatalogue(
  dir: string,
  rowCount: number,
  seed: number,
  onProgress: SampleOptions['onProgress'],
): Promise<SampleSummary> {
  await mkdir(join(dir, 'images'), { recursive: true });
  const placed = placeQuirks(seed, rowCount);
  const quirks: Record<string, number> = {};
  const strayCount = scaleCount(STRAY_COUNT, rowCount);
  await using csv = await open(join(dir, 'styles.csv'), 'w');
  await csv.appendFile(`${HEADER}\n`);
  let imageCount = 0;
  for (let start = 0; start < rowCount + strayCount; start += CONCURRENCY) {
    const indices = Array.from(
      { length: Math.min(CONCURRENCY, rowCount + strayCount - start) },
      (_, offset) => start + offset,
    );
    const products = indices.map((index) => ({
      product: drawProduct(seed, index),
      placed: placed.get(index),
      index,
    }));
    let lines = '';
    for (const { product, placed: flaw, index } of products) {
      const quirk = index < rowCount ? flaw?.quirk : 'imageWithoutRow';
      if (quirk !== undefined) quirks[quirk] = (quirks[quirk] ?? 0) + 1;
      if (index < rowCount) lines += `${toLine(product, seed, flaw?.quirk, flaw?.nth ?? 0)}\n`;
    }
    await csv.appendFile(lines);
    await Promise.all(
      products.map(async ({ product: { svg, id }, placed: flaw }) => {
        if (flaw?.quirk === 'rowWithoutImage') return;
        await writeFile(
          join(dir, 'images', `${id}.jpg`),
          await renderImage(svg, seed, id, flaw?.quirk, flaw?.nth ?? 0),
        );
        imageCount += 1;
      }),
    );
    onProgress?.(Math.min(start + CONCURRENCY, rowCount + strayCount), rowCount + strayCount);
  }
  return { dir, rowCount, imageCount, quirks };
}

function toLine(product: Product, seed: number, quirk: Quirk | undefined, nth: number): string {
  const { id, gender, kind, colour, season, year, usage } = product;
  const fields: Record<string, string> = {
    id: String(id),
    gender,
    masterCategory: kind.masterCategory,
    subCategory: kind.subCategory,
    articleType: kind.articleType,
    baseColour: colour,
    season,
    year: String(year),
    usage,
    productDisplayName: product.title,
  };
  const nulled = NULLABLE[nth % NULLABLE.length] ?? 'usage';
  switch (quirk) {
    case 'emptyField':
      fields[nulled] = '';
      break;
    case 'naField':
      fields[nulled] = 'NA';
      break;
    case 'extraComma':
      fields['productDisplayName'] = `${product.title}, Pack of ${2 + (nth % 4)}`;
      break;
    case 'twoExtraCommas':
      fields['productDisplayName'] = `${product.title}, Cotton, Pack of 2`;
      break;
    case 'unescapedQuote': {
      const inches = createRandom(seed, 'inches', id).pick(['3.5', '5', '7.5']);
      fields['productDisplayName'] = product.title.replace(colour, `${inches}" ${colour}`);
      break;
    }
    case 'paddedTitle':
      fields['productDisplayName'] = nth % 2 === 0 ? ` ${product.title}` : `${product.title} `;
      break;
    default:
  }
  return Object.values(fields).join(',');
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new PixlakeError(
    'ARGUMENT_INVALID',
    `${name} is ${value}, but must be a whole number from ${min} to ${max}`,
  );
}
