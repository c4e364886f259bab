import type { Command } from 'commander';
import { type LakeOptions, openLake, print, wholeNumber, withLakeOptions } from './command-line.ts';

interface Options extends LakeOptions {
  readonly count: number;
}

/** `pixlake similar`: finds the images most like one. */
export function addSimilarCommand(program: Command): void {
  withLakeOptions(
    program
      .command('similar <run|table> <id>')
      .summary('find the images most like one')
      .description(
        'Finds the images whose embeddings are nearest to that of one image (cosine distance), by a run whose model\nyields embeddings, such as fashion-tiny.',
      )
      .option('-k, --count <n>', 'images to find', wholeNumber(1), 10),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake run --name labelled --sql "SELECT * FROM images" --model fashion-tiny
  $ pixlake similar labelled 15970 -k 5`,
    )
    .action(async (name: string, id: string, options: Options) => {
      await using query = await openLake(options).images.similar({ name, id, count: options.count });
      if (options.json) {
        for await (const chunk of query.encode('json')) process.stdout.write(chunk);
        return;
      }
      print('distance  image');
      for await (const { image_id: imageId, distance, image_key, source_key, ...passed } of query.rows()) {
        const words = Object.values(passed).filter(
          (value) => value !== null && String(value) !== String(imageId),
        );
        print(
          `${Number(distance).toFixed(4).padStart(8)}  ${String(imageId)}  ${words.map(String).join(' · ')}`,
        );
      }
    });
}
