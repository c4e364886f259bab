import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { PixlakeError } from '../errors.ts';
import { parseTableName, sqlNameOf } from './table-reference.ts';
import { quoteText } from './sql-text.ts';
import { tokenize } from './sql-tokens.ts';

const TYPES = ['TEXT', 'INTEGER', 'DOUBLE', 'BOOLEAN', 'TABLE'] as const;

/** A parameter of a saved query. */
export interface SavedQueryParameter {
  readonly name: string;
  /** `TABLE` means the name of a table or a run, such as `images` or `runs.shoes`. */
  readonly type: (typeof TYPES)[number];
  readonly default: string;
  readonly description: string;
}

/**
 * A SELECT in a file. The first line is a comment with its title, the next lines may declare parameters as
 * `-- $year INTEGER = 2012: only later years`, and the rest is SQL that uses them as `$year`.
 */
export interface SavedQuery {
  readonly name: string;
  readonly title: string;
  readonly parameters: readonly SavedQueryParameter[];
  readonly sql: string;
}

const FOLDER = new URL('../../sql/', import.meta.url);

const DECLARATION =
  /^-- \$(?<name>[A-Za-z_]\w*) (?<type>TEXT|INTEGER|DOUBLE|BOOLEAN|TABLE) = (?<value>[^:]*): (?<description>\S.*)$/u;

/** The saved queries that come with pixlake, by name. */
export async function listSavedQueries(): Promise<SavedQuery[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(names.map(async (name) => readSavedQuery(basename(name, '.sql'))));
}

/**
 * Reads a saved query: one that comes with pixlake by its name, or a file by its path, which ends in `.sql`.
 *
 * @throws `SAVED_QUERY_NOT_FOUND`, `SAVED_QUERY_INVALID`
 */
export async function readSavedQuery(nameOrPath: string): Promise<SavedQuery> {
  const isPath = nameOrPath.endsWith('.sql');
  const isName = /^[\w-]+$/u.test(nameOrPath);
  try {
    if (!isPath && !isName) throw new Error('not a name');
    const text = await readFile(isPath ? nameOrPath : new URL(`${nameOrPath}.sql`, FOLDER), 'utf8');
    return parseSavedQuery(basename(nameOrPath, '.sql'), text);
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    throw new PixlakeError('SAVED_QUERY_NOT_FOUND', `no saved query ${nameOrPath} exists`, {
      cause: error,
      remedy: '`pixlake sql list` prints the saved queries; the path of your own file must end in .sql',
    });
  }
}

/** Reads the text of a saved query. @throws `SAVED_QUERY_INVALID` */
export function parseSavedQuery(name: string, text: string): SavedQuery {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const title = /^-- (?!\$)(?<title>\S.*)$/u.exec(lines[0] ?? '')?.groups?.['title'];
  if (title === undefined)
    throw new PixlakeError('SAVED_QUERY_INVALID', `saved query ${name} has no title`, {
      remedy: 'make the first line a comment such as `-- Shoes by colour`',
    });
  const parameters: SavedQueryParameter[] = [];
  let next = 1;
  for (; lines[next]?.startsWith('-- $'); next++) {
    const declared = DECLARATION.exec(lines[next] ?? '')?.groups;
    const type = TYPES.find((known) => known === declared?.['type']);
    if (declared === undefined || type === undefined)
      throw new PixlakeError(
        'SAVED_QUERY_INVALID',
        `saved query ${name}: this line does not declare a parameter: ${lines[next]}`,
        {
          remedy: `write \`-- $year INTEGER = 2012: only later years\`; types are ${TYPES.join(', ')}`,
        },
      );
    const { name: parameter = '', value = '', description = '' } = declared;
    parameters.push({ name: parameter, type, default: value, description });
  }
  return { name, title, parameters, sql: lines.slice(next).join('\n').trim() };
}

/**
 * The SQL of a saved query with its parameters filled in as literals. So they can be used to skip data files, and the SQL is complete in a
 * run's specification.
 *
 * @param values by name, as text; parameters that are not given have their defaults
 * @throws `ARGUMENT_INVALID`, `TABLE_NAME_INVALID`, `SAVED_QUERY_INVALID`
 */
export function fillSavedQuery(query: SavedQuery, values: Readonly<Record<string, string>> = {}): string {
  const { name, parameters, sql } = query;
  const unknown = Object.keys(values).find((key) => !parameters.some((parameter) => parameter.name === key));
  if (unknown !== undefined) {
    const known = parameters.map((parameter) => parameter.name).join(', ');
    throw new PixlakeError('ARGUMENT_INVALID', `saved query ${name} has no parameter ${unknown}`, {
      remedy: known === '' ? 'it has no parameters' : `it has: ${known}`,
    });
  }
  const literals = new Map(
    parameters.map((parameter) => [
      parameter.name,
      toLiteral(
        parameter,
        Object.hasOwn(values, parameter.name) ? (values[parameter.name] ?? '') : parameter.default,
      ),
    ]),
  );
  let filled = '';
  let isParameter = false;
  for (const { kind, text } of tokenize(sql)) {
    if (isParameter && kind === 'word') {
      const literal = literals.get(text);
      if (literal === undefined)
        throw new PixlakeError('SAVED_QUERY_INVALID', `saved query ${name} does not declare $${text}`);
      filled = filled.slice(0, -1) + literal;
    } else filled += text;
    isParameter = kind === 'other' && text === '$';
  }
  return filled;
}

function toLiteral({ name, type, description }: SavedQueryParameter, value: string): string {
  const isValid = {
    TEXT: () => !value.includes('\0'),
    INTEGER: () => /^-?\d{1,18}$/u.test(value),
    DOUBLE: () => value.trim() !== '' && Number.isFinite(Number(value)),
    BOOLEAN: () => value === 'true' || value === 'false',
    TABLE: () => true,
  };
  if (!isValid[type]())
    throw new PixlakeError('ARGUMENT_INVALID', `parameter ${name} cannot be ${JSON.stringify(value)}`, {
      remedy: `its type is ${type}: ${description}`,
    });
  if (type === 'TEXT') return quoteText(value);
  if (type === 'TABLE') return sqlNameOf(parseTableName(value));
  // Spaces keep the sign from becoming part of a comment or an operator.
  return type === 'DOUBLE' ? ` ${Number(value)} ` : value.startsWith('-') ? ` ${value}` : value;
}
