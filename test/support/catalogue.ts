import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const HEADER =
  'id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName';

/** A row of a fashion catalogue; all else is filled in. */
export interface CatalogueRow {
  readonly id: number | string;
  readonly gender?: string;
  readonly category?: string;
  readonly year?: number | string;
  readonly title?: string;
}

/** One line of `styles.csv`. */
export function csvLine({
  id,
  gender = 'Men',
  category = 'Footwear',
  year = 2013,
  title = `Shoe ${id}`,
}: CatalogueRow): string {
  return `${id},${gender},${category},Shoes,Casual Shoes,Black,Fall,${year},Casual,${title}`;
}

/** Draws a small JPEG whose pixels depend on `shade` and vary all over, so that crops can be told apart. */
export async function drawJpeg(shade: number, width = 60, height = 80): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let index = 0; index < width * height; index++) {
    pixels[index * 3] = (shade * 37) % 256;
    pixels[index * 3 + 1] = Math.floor(((index % width) / width) * 255);
    pixels[index * 3 + 2] = Math.floor((index / (width * height)) * 255);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

/** Writes a catalogue: `styles.csv` with the given lines and `images/<name>` with the given bytes. */
export async function writeCatalogue(
  folder: string,
  lines: readonly string[],
  images: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(folder, 'styles.csv'), `${[HEADER, ...lines].join('\n')}\n`);
  for (const [name, bytes] of Object.entries(images)) await writeFile(join(folder, 'images', name), bytes);
  return folder;
}

/** A catalogue of `count` rows with ids from 1, each with its image. */
export async function writePlainCatalogue(folder: string, count: number): Promise<string> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const images = await Promise.all(ids.map(async (id) => [`${id}.jpg`, await drawJpeg(id)] as const));
  return writeCatalogue(
    folder,
    ids.map((id) => csvLine({ id, gender: id % 2 ? 'Men' : 'Women', year: 2007 + (id % 12) })),
    Object.fromEntries(images),
  );
}
