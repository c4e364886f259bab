import { PixlakeError } from '../errors.ts';
import type { MetadataAction, ProtocolAction } from './delta-actions.ts';

/** The protocol that pixlake's own tables ask of others. */
export const PROTOCOL: ProtocolAction = { minReaderVersion: 1, minWriterVersion: 2 };

/** From reader version 3 and writer version 7 on, features are listed by name (PROTOCOL.md, "Table Features"). */
const READER_FEATURES_VERSION = 3;
const WRITER_FEATURES_VERSION = 7;

/** Reader features that pixlake has, or that do not change what a reader sees; a file with a deletion vector is refused by itself. */
const READABLE = new Set(['timestampNtz', 'vacuumProtocolCheck', 'deletionVectors']);

/** Writer features that pixlake honours. */
const WRITABLE = new Set(['appendOnly', 'invariants', 'timestampNtz', 'vacuumProtocolCheck']);

/** What each writer version below 7 stands for beyond the one before (PROTOCOL.md, "Valid Feature Names"). */
const LEGACY_WRITER_FEATURES: readonly (readonly [version: number, features: readonly string[]])[] = [
  [3, ['checkConstraints']],
  [4, ['changeDataFeed', 'generatedColumns']],
  [5, ['columnMapping']],
  [6, ['identityColumns']],
];

/** Checks that pixlake reads a table right. @throws `TABLE_FEATURE_UNSUPPORTED` naming the features it lacks */
export function checkReadable(folder: string, protocol: ProtocolAction, metadata: MetadataAction): void {
  if (metadata.format.provider !== 'parquet')
    throw unsupported(folder, 'read', [`format ${metadata.format.provider}`]);
  const mode = metadata.configuration['delta.columnMapping.mode'] ?? 'none';
  if (mode !== 'none') throw unsupported(folder, 'read', ['columnMapping']);
  const { minReaderVersion } = protocol;
  // Reader version 2 is column mapping, which is harmless as long as no mode is set.
  if (minReaderVersion < READER_FEATURES_VERSION) return;
  if (minReaderVersion > READER_FEATURES_VERSION)
    throw unsupported(folder, 'read', [`reader version ${minReaderVersion}`]);
  const missing = (protocol.readerFeatures ?? []).filter((feature) => !READABLE.has(feature));
  if (missing.length > 0) throw unsupported(folder, 'read', missing);
}

/** Checks that pixlake may commit to a table. @throws `TABLE_FEATURE_UNSUPPORTED` naming the features it lacks */
export function checkWritable(folder: string, protocol: ProtocolAction): void {
  const { minWriterVersion } = protocol;
  if (minWriterVersion > WRITER_FEATURES_VERSION)
    throw unsupported(folder, 'written', [`writer version ${minWriterVersion}`]);
  const features =
    minWriterVersion === WRITER_FEATURES_VERSION
      ? (protocol.writerFeatures ?? [])
      : LEGACY_WRITER_FEATURES.filter(([version]) => version <= minWriterVersion).flatMap(
          ([, names]) => names,
        );
  const missing = features.filter((feature) => !WRITABLE.has(feature));
  if (missing.length > 0) throw unsupported(folder, 'written', missing);
}

function unsupported(folder: string, verb: string, features: readonly string[]): PixlakeError {
  const noun = features.length === 1 ? 'the feature' : 'the features';
  return new PixlakeError(
    'TABLE_FEATURE_UNSUPPORTED',
    `${folder} cannot be ${verb}: it needs ${noun} ${features.join(', ')}`,
  );
}
