import type { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { formatCount, startProgressBar } from './progress-bar.ts';
import { print, printJson } from './print.ts';

/** `pixlake sample`: draws a synthetic catalogue. */
export function addSampleCommand(program: Command): void {
  program
    .command('sample <folder>')
    .summary('draw a synthetic catalogue of fashion products')
    .description(
      'Draws a catalogue in the format of the Kaggle data set "Fashion Product Images (Small)":\nstyles.csv and images/<id>.jpg, 60x80 pixels, with the quirks of the real one.\nThe same rows and seed give the same bytes.',
    )
    .option('--rows <n>', 'rows of styles.csv', wholeNumber(1), 600)
    .option('--seed <n>', 'seed of random numbers', wholeNumber(0), 42)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  $ pixlake sample catalogue --rows 5000')
    .action(async (folder: string, options: { rows: number; seed: number; json?: boolean }) => {
      const { writeSample } = await import('../sample/write-sample.ts');
      using bar = startProgressBar('drawing', 'images');
      const { rows, seed } = options;
      const summary = await writeSample(folder, {
        rows,
        seed,
        onProgress: (done, total) => bar.update(done, total),
      });
      bar[Symbol.dispose]();
      if (options.json) return printJson(summary);
      const quirks = Object.entries(summary.quirks).map(([name, count]) => `${name} ${count}`);
      print(
        `drew ${formatCount(summary.rowCount)} rows and ${formatCount(summary.imageCount)} images into ${folder}`,
        `quirks planted: ${quirks.join(', ')}`,
      );
    });
}
