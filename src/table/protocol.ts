import { PixlakeError } from '../errors.ts';
import type { AddAction, MetadataAction, ProtocolAction } from './delta-actions.ts';
import { COLUMN_MAPPING, mapsColumns } from './features/column-mapping.ts';
import { DELETION_VECTORS } from './features/deletion-vectors.ts';
import type { TableFeature } from './features/table-feature.ts';
import { TABLE_FEATURES } from './features/table-features.ts';
import { V2_CHECKPOINT } from './features/v2-checkpoint.ts';

/** The protocol of pixlake's own tables. */
export const PROTOCOL: ProtocolAction = { minReaderVersion: 1, minWriterVersion: 2 };

/** From reader version 3 and writer version 7 on, features are listed by name (PROTOCOL.md, "Table Features"). */
const READER_FEATURES_VERSION = 3;
const WRITER_FEATURES_VERSION = 7;

const FEATURES = new Map(TABLE_FEATURES.map((feature) => [feature.name, feature]));

/** Checks that pixlake can read a table correctly. @throws `TABLE_FEATURE_UNSUPPORTED` naming the missing features */
export function checkReadable(folder: string, protocol: ProtocolAction, metadata: MetadataAction): void {
  if (metadata.format.provider !== 'parquet')
    throw unsupported(folder, 'read', [`format ${metadata.format.provider}`]);
  if (mapsColumns(metadata)) throw unsupported(folder, 'read', [COLUMN_MAPPING.name]);
  const { minReaderVersion } = protocol;
  // Reader version 2 means column mapping, which has no effect unless a mode is set.
  if (minReaderVersion < READER_FEATURES_VERSION) return;
  if (minReaderVersion > READER_FEATURES_VERSION)
    throw unsupported(folder, 'read', [`reader version ${minReaderVersion}`]);
  const missing = (protocol.readerFeatures ?? []).filter((name) => !isRead(FEATURES.get(name)));
  if (missing.length > 0) throw unsupported(folder, 'read', missing);
}

/** Checks that pixlake may commit to a table. @throws `TABLE_FEATURE_UNSUPPORTED` naming the missing features */
export function checkWritable(folder: string, protocol: ProtocolAction): void {
  const { minWriterVersion } = protocol;
  if (minWriterVersion > WRITER_FEATURES_VERSION)
    throw unsupported(folder, 'written', [`writer version ${minWriterVersion}`]);
  const names =
    minWriterVersion === WRITER_FEATURES_VERSION
      ? (protocol.writerFeatures ?? [])
      : impliedNames(minWriterVersion);
  const missing = names.filter((name) => FEATURES.get(name)?.support !== 'read and write');
  if (missing.length > 0) throw unsupported(folder, 'written', missing);
}

/** Checks that no file of a snapshot has a deletion vector. @throws `TABLE_FEATURE_UNSUPPORTED` */
export function checkNoVectors(folder: string, files: Iterable<AddAction>): void {
  for (const { path, deletionVector } of files) {
    if (deletionVector === undefined) continue;
    throw new PixlakeError(
      'TABLE_FEATURE_UNSUPPORTED',
      `${folder} cannot be read: ${path} has deleted rows, which need the feature ${DELETION_VECTORS.name}`,
    );
  }
}

/** Says that a table can only be read with checkpoints of version 2: a `TABLE_FEATURE_UNSUPPORTED`. */
export function needsV2Checkpoint(folder: string): PixlakeError {
  return unsupported(folder, 'read', [V2_CHECKPOINT.name]);
}

function isRead(feature: TableFeature | undefined): boolean {
  return feature?.boundTo === 'readers and writers' && feature.support !== 'none';
}

/** Names of the features that a writer version below 7 implies, oldest first. */
function impliedNames(writerVersion: number): string[] {
  return TABLE_FEATURES.flatMap(({ name, sinceWriterVersion: since = Number.POSITIVE_INFINITY }) =>
    since <= writerVersion ? [{ name, since }] : [],
  )
    .sort((a, b) => a.since - b.since)
    .map(({ name }) => name);
}

function unsupported(folder: string, verb: string, names: readonly string[]): PixlakeError {
  const noun = names.length === 1 ? 'the feature' : 'the features';
  const [feature] = names.map((name) => FEATURES.get(name));
  const why =
    names.length === 1 && feature !== undefined && 'refusal' in feature ? ` (${feature.refusal})` : '';
  return new PixlakeError(
    'TABLE_FEATURE_UNSUPPORTED',
    `${folder} cannot be ${verb}: it needs ${noun} ${names.join(', ')}${why}`,
  );
}
