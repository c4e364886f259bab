import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, PixlakeError } from '../errors.ts';
import { S3_READERS } from '../storage/s3-options.ts';

const NAME = 'pixlake.config.json';

const schema = z.strictObject({
  lake: z.string().min(1).exactOptional(),
  endpointUrl: z.string().min(1).exactOptional(),
  region: z.string().min(1).exactOptional(),
  s3Reader: z.enum(S3_READERS).exactOptional(),
  workers: z.int().min(1).exactOptional(),
});

/** Settings of the commands in a folder; what the environment says counts more, and what options say counts most. */
export type ConfigFile = z.output<typeof schema>;

/** Variables of the environment that take the place of a setting. */
const VARIABLES: Readonly<Record<keyof ConfigFile, readonly string[]>> = {
  lake: ['PIXLAKE_LAKE'],
  endpointUrl: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
  region: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  s3Reader: ['PIXLAKE_S3_READER'],
  workers: ['PIXLAKE_WORKERS'],
};

/**
 * Reads `pixlake.config.json` in the current folder, if there is one, without the settings that the environment has too.
 *
 * @throws `ARGUMENT_INVALID` naming the file and what is wrong in it
 */
export async function readConfigFile(env: NodeJS.ProcessEnv = process.env): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(resolve(NAME), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw invalid(messageOf(error));
  }
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? ''}`);
  }
  const isFree = (name: string): boolean =>
    VARIABLES[name as keyof ConfigFile].every((variable) => (env[variable] ?? '') === '');
  return Object.fromEntries(Object.entries(parsed.data).filter(([name]) => isFree(name)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function invalid(problem: string): PixlakeError {
  return new PixlakeError('ARGUMENT_INVALID', `${NAME} cannot be used: ${problem}`, {
    remedy: `it may have ${Object.keys(VARIABLES).join(', ')}`,
  });
}
