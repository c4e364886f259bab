import { type Command, Option } from 'commander';
import type { Lakehouse } from '../lakehouse.ts';
import { type S3Options, S3_READERS } from '../storage/s3-options.ts';

/** Options of every command on a lake. */
export interface LakeOptions {
  readonly lake?: string;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly s3Reader?: S3Options['reader'];
  readonly workers?: number;
  readonly json?: boolean;
}

/** Adds the options of every command on a lake. */
export function withLakeOptions(command: Command): Command {
  return withStoreOptions(command).option('--json', 'print one JSON document instead of text');
}

/** Adds the options that locate the lake. */
export function withStoreOptions(command: Command): Command {
  return command
    .option(
      '--lake <uri>',
      'root of the lake: a folder or s3://bucket/prefix (default: $PIXLAKE_LAKE or "lake")',
    )
    .option('--endpoint-url <url>', 'URL of an S3 server other than AWS (default: $AWS_ENDPOINT_URL)')
    .option('--region <name>', 'region of the bucket (default: $AWS_REGION)')
    .addOption(
      new Option('--s3-reader <way>', 'how SQL reads S3 (default: $PIXLAKE_S3_READER or auto)').choices(
        S3_READERS,
      ),
    );
}

/** Opens the lake that the options name, or else `pixlake.config.json`. The lakehouse is loaded only here, so help and usage errors come at once. */
export async function openLake(options: LakeOptions): Promise<Lakehouse> {
  const [{ openLakehouse }, { readConfigFile }] = await Promise.all([
    import('../lakehouse.ts'),
    import('./config-file.ts'),
  ]);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { lake, workers, ...s3 }: LakeOptions = { ...(await readConfigFile()), ...given };
  return openLakehouse({
    s3: s3Options(s3),
    ...(lake === undefined ? {} : { lake }),
    ...(workers === undefined ? {} : { workers }),
  });
}

/** S3 settings of the options. */
export function s3Options({ endpointUrl, region, s3Reader }: LakeOptions): S3Options {
  return {
    ...(endpointUrl === undefined ? {} : { endpointUrl }),
    ...(region === undefined ? {} : { region }),
    ...(s3Reader === undefined ? {} : { reader: s3Reader }),
  };
}
