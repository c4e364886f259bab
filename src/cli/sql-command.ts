import { type Command, InvalidArgumentError } from 'commander';
import { fillQuestion, listQuestions, type Question, readQuestion } from '../index.ts';
import { print, printJson } from './command-line.ts';
import { printQuery, type QueryCommandOptions, withQueryOptions } from './query-command.ts';

type Values = Readonly<Record<string, string>>;

interface ParameterOptions {
  readonly param?: Values;
}

/** `pixlake sql …`: questions that are kept in files, with parameters. */
export function addSqlCommand(program: Command): void {
  const sql = program
    .command('sql')
    .summary('list, show and run questions kept as SQL files')
    .description(
      'Questions that are kept as SQL files, with named parameters. Those that come with pixlake go by their name, one of your\nown by its path, which ends in .sql.',
    );

  sql
    .command('list')
    .description('List the questions that come with pixlake.')
    .option('--json', 'print one JSON document for machines instead of text')
    .action(async ({ json }: { json?: boolean }) => {
      const questions = await listQuestions();
      if (json) return printJson(questions);
      const width = Math.max(...questions.map(({ name }) => name.length));
      print(...questions.flatMap((question) => describe(question, width)));
    });

  withParameters(sql.command('show <question>'))
    .description('Print the SQL of a question with its parameters filled in.')
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake sql show mens-shoes-after --param year=2014
  $ pixlake run --name shoes --sql "$(pixlake sql show mens-shoes-after)"`,
    )
    .action(async (name: string, { param }: ParameterOptions) => {
      print(fillQuestion(await readQuestion(name), param));
    });

  withQueryOptions(withParameters(sql.command('run <question>')))
    .description('Run a question and stream its rows.')
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake sql run mens-shoes-after --param year=2014
  $ pixlake sql run crop-statistics --param run=runs.shoes
  $ pixlake sql run ./my-question.sql --output answer.parquet`,
    )
    .action(async (name: string, options: ParameterOptions & QueryCommandOptions) => {
      await printQuery(fillQuestion(await readQuestion(name), options.param), options);
    });
}

function describe({ name, title, parameters }: Question, width: number): string[] {
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
    'value of a parameter, again for each (default: those that the question states)',
    (text: string, values?: Values): Values => {
      const at = text.indexOf('=');
      if (at < 1) throw new InvalidArgumentError('expected name=value.');
      return { ...values, [text.slice(0, at)]: text.slice(at + 1) };
    },
  );
}
