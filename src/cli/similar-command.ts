import type { Command } from 'commander';
import { textOf } from '../result/plain-value.ts';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { print } from './print.ts';
import { wholeNumber } from './option-values.ts';

/** Columns with the keys of images, which are not shown. */
const KEY_COLUMNS = ['image_key', 'source_key'];

interface Options extends LakeOptions {
  readonly count: number;
}

/** `pixlake similar`: finds the images most similar to one. */
export function addSimilarCommand(program: Command): void {
  withLakeOptions(
    program
      .command('similar <run|table> <id>')
      .summary('find the images most similar to one')
      .description(
        'Finds the images whose embeddings are nearest to that of one image (cosine distance). This needs a run with a\nmodel that has embeddings, such as fashion-tiny.',
      )
      .option('-k, --count <n>', 'number of images', wholeNumber(1), 10),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake run --name labelled --sql "SELECT * FROM images" --model fashion-tiny
  $ pixlake similar labelled 15970 -k 5`,
    )
    .action(async (name: string, id: string, options: Options) => {
      await using query = await (await openLake(options)).images.similar({ name, id, count: options.count });
      if (options.json) {
        for await (const chunk of query.encode('json')) process.stdout.write(chunk);
        return;
      }
      print('distance  image');
      for await (const { image_id: imageId, distance, ...passed } of query.rows()) {
        const found = textOf(imageId ?? null);
        const words = Object.entries(passed)
          .filter(([column, value]) => !KEY_COLUMNS.includes(column) && value !== null)
          .map(([, value]) => textOf(value))
          .filter((text) => text !== found);
        print(`${Number(distance).toFixed(4).padStart(8)}  ${found}  ${words.join(' · ')}`);
      }
    });
}
