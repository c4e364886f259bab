import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Lakehouse } from '../lakehouse.ts';
import { DEFAULT_MODEL } from '../model/built-in-models.ts';
import { hasRuntime, INSTALL_RUNTIME } from '../model/runtime.ts';

import { fillSavedQuery, readSavedQuery } from '../sql/saved-query.ts';
import { type LakeOptions, openLake, withStoreOptions } from './lake-options.ts';
import { describeIngest } from './describe-ingest.ts';
import { formatCount, formatSeconds, startProgressBar } from './progress-bar.ts';
import { describeRun } from './describe-run.ts';
import { print } from './print.ts';
import { wholeNumber } from './option-values.ts';
import { interruptible } from './interruptible.ts';
import { withProgress } from './run-progress.ts';

/** The run uses the images of this query. */
const SELECTED = 'mens-shoes-after';

const SAVED_QUERIES = [SELECTED, 'womens-dresses-by-colour', 'childrens-wear'];

const SHOWN_COLUMNS = 'id, articleType, baseColour, season, year, productDisplayName';

/** `pixlake demo`: the whole job on a synthetic catalogue. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command('demo')
    .summary('run the whole job on a synthetic catalogue')
    .description(
      'Draws a catalogue, ingests it, runs three saved queries, crops and labels the selected images, and\ndraws a contact sheet. Everything is written to one folder, which is emptied first.\nThe lake can be elsewhere with --lake.',
    )
    .option('--folder <folder>', 'folder of the demo, which is emptied first', join('lake', 'demo'))
    .option('--rows <n>', 'rows of the catalogue', wholeNumber(40), 600);
  withStoreOptions(command).action(async (options: LakeOptions & { folder: string; rows: number }) => {
    const { folder, rows } = options;
    const startMs = performance.now();
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const lake = options.lake ?? join(folder, 'lake');
    const lakehouse = await openLake({ ...options, lake });
    const catalogue = join(folder, 'catalogue');

    print(`1. Draw a catalogue: pixlake sample ${catalogue} --rows ${rows}`);
    const { writeSample } = await import('../sample/write-sample.ts');
    const summary = await writeSample(catalogue, { rows });
    print(`   ${formatCount(summary.rowCount)} rows and ${formatCount(summary.imageCount)} images`, '');

    print(`2. Ingest it: pixlake ingest ${catalogue}`);
    const report = await interruptible(async (signal) => {
      using bar = startProgressBar('ingest', '');
      return lakehouse.ingest(
        { source: catalogue },
        {
          signal,
          onProgress: ({ phase, doneCount, totalCount }) => bar.update(doneCount, totalCount, phase),
        },
      );
    });
    printIndented(describeIngest(report, lakehouse.uri));

    print('3. Query it: pixlake sql run <query>, or pixlake query "<sql>"');
    for (const name of SAVED_QUERIES) await showQuery(lakehouse, name);

    const labels = hasRuntime();
    const verbs = labels ? 'Crop, resize and label' : 'Crop and resize';
    print(`4. ${verbs} the men's shoes: pixlake run --name mens-shoes …`);
    if (!labels) print(`   without labels, which need onnxruntime-node: ${INSTALL_RUNTIME}`, '');
    const sql = fillSavedQuery(await readSavedQuery(SELECTED));
    const spec = {
      name: 'mens-shoes',
      sql,
      copies: 2,
      transform: { flip: 0.5 },
      ...(labels ? { model: DEFAULT_MODEL } : {}),
    };
    const run = await withProgress((hooks) => lakehouse.run(spec, hooks));
    printIndented(describeRun(run, lakehouse.uri));

    const sheet = join(folder, 'contact-sheet.png');
    await writeFile(sheet, await lakehouse.runs.drawSheet('mens-shoes', 12));
    print('5. Look at it');
    printIndented([
      `contact sheet:  ${sheet}`,
      `catalogue:      ${catalogue}`,
      `lake:           ${lake}`,
      `query the run:  npx pixlake query 'SELECT id, crop_left, crop_top${labels ? ', pred_articleType' : ''} FROM runs."mens-shoes"' --lake ${lake}`,
    ]);
    print(`done in ${formatSeconds((performance.now() - startMs) / 1000)}`);
  });
}

async function showQuery(lakehouse: Lakehouse, name: string): Promise<void> {
  const saved = await readSavedQuery(name);
  const sql = fillSavedQuery(saved);
  const values = saved.parameters.map((parameter) => `, ${parameter.name} ${parameter.default}`);
  print(`   ${saved.title} (sql/${name}.sql${values.join('')})`);
  const shown = name === SELECTED ? `SELECT ${SHOWN_COLUMNS} FROM (${sql.replace(/;\s*$/u, '')})` : sql;
  await using query = await lakehouse.query(shown);
  let text = '';
  for await (const chunk of query.encode('table', { maxRows: 5, maxWidth: 110 })) text += String(chunk);
  printIndented(text.trimEnd().split('\n'));
}

function printIndented(lines: readonly string[]): void {
  print(...lines.map((line) => `   ${line}`), '');
}
