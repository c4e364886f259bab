import type { Command } from 'commander';
import { encodeResult, type QueryFormat } from '../lakehouse.ts';
import { type LakeOptions, openLake, wholeNumber, withLakeOptions } from './command-line.ts';

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
      await using query = await openLake(options).similar({ name, id, count: options.count });
      const format: QueryFormat = options.json ? 'json' : 'table';
      const { columns } = process.stdout;
      const encoded = encodeResult(format, query.batches, {
        maxRows: options.count,
        ...(columns === undefined ? {} : { maxWidth: columns }),
      });
      for await (const chunk of encoded) process.stdout.write(chunk);
    });
}
