import type { Command } from 'commander';
import { type LakeOptions, openLake, withLakeOptions } from './lake-options.ts';
import { print, printJson } from './print.ts';

/** `pixlake attach` and `pixlake detach`: tables that other programs wrote. */
export function addAttachCommands(program: Command): void {
  withLakeOptions(
    program
      .command('attach <name> <uri>')
      .summary('register a table that another program wrote, for reading')
      .description(
        'Registers a Delta table, a folder of Parquet files or one Parquet file as a read-only table of the lake. Nothing\nis copied. The columns of plain Parquet files are fixed when they are attached.',
      ),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake attach clicks ../warehouse/clicks
  $ pixlake query "SELECT * FROM images JOIN clicks USING (id)"`,
    )
    .action(async (name: string, uri: string, options: LakeOptions) => {
      const attachment = await (await openLake(options)).tables.attach(name, uri);
      if (options.json) return printJson({ name, ...attachment });
      const what = attachment.format === 'delta' ? 'the Delta table' : 'Parquet files';
      print(`${name} is ${what} at ${attachment.uri}`);
    });
  withLakeOptions(
    program
      .command('detach <name>')
      .summary('detach a table')
      .description('Detaches a table. Its files stay.'),
  ).action(async (name: string, options: LakeOptions) => {
    await (await openLake(options)).tables.detach(name);
    if (options.json) printJson({ name });
    else print(`${name} is no longer attached`);
  });
}
