import { type Command, Option } from 'commander';
import { type ApiKey, createApiKey, listApiKeys, revokeApiKey, type Scope, SCOPES } from '../api/api-keys.ts';
import { duration } from './option-values.ts';
import { print, printJson } from './print.ts';

interface FileOptions {
  readonly file: string;
  readonly json?: boolean;
}

interface CreateOptions extends FileOptions {
  readonly name: string;
  readonly scope: Scope;
  readonly expires?: number;
}

/** `pixlake keys …`: manages the API keys of a server. */
export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .summary('create, list and revoke the API keys of a server')
    .description('Manages the API keys of `pixlake serve --api-keys`. The file contains only hashes.');

  withFile(keys.command('create').description('Create a key. It is shown only once.'))
    .requiredOption('--name <name>', 'who or what the key is for')
    .addOption(
      new Option(
        '--scope <scope>',
        'read: query and read; run: also start and stop work; admin: also /metrics',
      )
        .choices(SCOPES)
        .default('read'),
    )
    .option('--expires <duration>', 'how long the key is valid (default: until it is revoked)', duration)
    .addHelpText(
      'after',
      `
Examples:
  $ pixlake keys create --name notebook
  $ pixlake keys create --name nightly-batch --scope run --expires 52w --file keys.json`,
    )
    .action(async ({ file, name, scope, expires, json }: CreateOptions) => {
      const { key, token } = await createApiKey(file, {
        name,
        scope,
        ...(expires === undefined ? {} : { expiresMs: expires }),
      });
      if (json) printJson({ id: key.id, token });
      else {
        print(token);
        process.stderr.write(`key ${key.id} has the scope ${scope}; it is shown only this once\n`);
      }
    });

  withFile(keys.command('list').description('List the keys.')).action(async ({ file, json }: FileOptions) => {
    const known = await listApiKeys(file);
    if (json) printJson(known.map(({ secretSha256: _hash, ...key }) => key));
    else if (known.length === 0) print('no keys');
    else print(...known.map(describeKey));
  });

  withFile(
    keys.command('revoke <id>').description('Revoke a key. Running servers refuse it at once.'),
  ).action(async (id: string, { file, json }: FileOptions) => {
    const { secretSha256: _hash, ...key } = await revokeApiKey(file, id);
    if (json) printJson(key);
    else print(`key ${id} (${key.name}) is revoked`);
  });
}

function withFile(command: Command): Command {
  return command
    .option('--file <path>', 'file of API keys', 'api-keys.json')
    .option('--json', 'print one JSON document instead of text');
}

function describeKey({ id, name, scope, createdAt, expiresAt, revokedAt }: ApiKey): string {
  const end =
    revokedAt !== undefined
      ? `revoked ${revokedAt}`
      : expiresAt === undefined
        ? 'valid'
        : `expires ${expiresAt}`;
  return `${id}  ${scope}  ${name}  created ${createdAt}  ${end}`;
}
