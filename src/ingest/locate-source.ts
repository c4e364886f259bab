import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, PixlakeError } from '../errors.ts';
import type { IngestSpec } from './ingest-spec.ts';

/** Local paths of a source. */
export interface LocatedSource {
  readonly csvPath: string;
  readonly imagesPath: string;
}

const IMAGE_PLACES = ['images', 'images.tar', 'images.tar.gz', 'images.tgz'];

/**
 * Finds the CSV file and the images of a spec: in a folder `styles.csv` or its only CSV file, and the images next to it.
 *
 * @throws `SOURCE_NOT_FOUND`
 */
export async function locateSource(spec: Pick<IngestSpec, 'source' | 'images'>): Promise<LocatedSource> {
  const csvPath = (await kindOf(spec.source)) === 'folder' ? await findCsv(spec.source) : spec.source;
  if ((await kindOf(csvPath)) !== 'file') {
    throw new PixlakeError('SOURCE_NOT_FOUND', `${csvPath} does not exist or cannot be reached`);
  }
  if (spec.images !== undefined) {
    if ((await kindOf(spec.images)) !== 'none') return { csvPath, imagesPath: spec.images };
    throw new PixlakeError('SOURCE_NOT_FOUND', `the folder or tar archive ${spec.images} does not exist`);
  }
  for (const place of IMAGE_PLACES) {
    const imagesPath = join(dirname(csvPath), place);
    if ((await kindOf(imagesPath)) !== 'none') return { csvPath, imagesPath };
  }
  throw new PixlakeError('SOURCE_NOT_FOUND', `found no ${IMAGE_PLACES.join(' or ')} next to ${csvPath}`, {
    remedy: 'name the folder or tar archive of the images with --images',
  });
}

async function findCsv(folder: string): Promise<string> {
  const names = (await readNames(folder)).filter((name) => name.toLowerCase().endsWith('.csv'));
  const name = names.includes('styles.csv') ? 'styles.csv' : names[0];
  if (name === undefined || (name !== 'styles.csv' && names.length > 1)) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `${folder} holds ${names.length} CSV files`, {
      remedy: 'name the CSV file itself',
    });
  }
  return join(folder, name);
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new PixlakeError('SOURCE_NOT_FOUND', `cannot list ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'none'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'none';
  }
}
