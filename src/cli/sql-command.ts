import { type Command, InvalidArgumentError } from 'commander';
import { type SavedQuery, fillSavedQuery, listSavedQueries, readSavedQuery } from '../sql/saved-query.ts';
import { print, printJson } from './print.ts';
import { printQuery, type QueryCommandOptions, withQueryOptions } from './query-command.ts';

type Values = Readonly<Record<string, string>>;

interface ParameterOptions {
  readonly param?: Values;
}

/** `pixlake sql …`: saved queries, with parameters. */
export function addSqlCommand(program: Command): void {
  const sql = program
    .command('sql')
    .summary('list, show and run saved queries')
    .description(
      'Saved queries are SQL files with named parameters. Use those of pixlake by name, your own by\npath, which ends in .sql.',
    );

  sql
    .command('list')
    .description('List the saved queries that come with pixlake.')
    .option('--json', 'print one JSON document instead of text')
    .action(async ({ json }: { json?: boolean }) => {
      const queries = await listSavedQueries();
      if (json) return printJson(queries);
      const width = Math.max(...queries.map(({ name }) => name.length));
      print(...queries.flatMap((query) => describe(query, width)));
    });

  withParameters(sql.command('show <query>'))
    .description('Print the SQL of a saved query with its parameters filled in.')
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake sql show mens-shoes-after --param year=2014
  $ pixlake run --name shoes --sql "$(pixlake sql show mens-shoes-after)"`,
    )
    .action(async (name: string, { param }: ParameterOptions) => {
      print(fillSavedQuery(await readSavedQuery(name), param));
    });

  withQueryOptions(withParameters(sql.command('run <query>')))
    .description('Run a saved query and stream its rows.')
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake sql run mens-shoes-after --param year=2014
  $ pixlake sql run crop-statistics --param run=runs.shoes
  $ pixlake sql run ./my-query.sql --output answer.parquet`,
    )
    .action(async (name: string, options: ParameterOptions & QueryCommandOptions) => {
      await printQuery(fillSavedQuery(await readSavedQuery(name), options.param), options);
    });
}

function describe({ name, title, parameters }: SavedQuery, width: number): string[] {
  return [
    `${name.padEnd(width)}  ${title}`,
    ...parameters.map(
      (parameter) =>
        `${' '.repeat(width)}    --param ${parameter.name}=${parameter.default}  ${parameter.description}`,
    ),
  ];
}

function withParameters(command: Command): Command {
  return command.option(
    '--param <name=value>',
    'value of a parameter; can be repeated (default: the values in the file)',
    (text: string, values?: Values): Values => {
      const at = text.indexOf('=');
      if (at < 1) throw new InvalidArgumentError('expected name=value.');
      return { ...values, [text.slice(0, at)]: text.slice(at + 1) };
    },
  );
}
