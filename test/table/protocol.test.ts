import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MetadataAction, ProtocolAction } from '../../src/table/delta-actions.ts';
import type { TableFeature } from '../../src/table/features/table-feature.ts';
import { TABLE_FEATURES } from '../../src/table/features/table-features.ts';
import {
  checkNoVectors,
  checkReadable,
  checkWritable,
  needsV2Checkpoint,
  PROTOCOL,
} from '../../src/table/protocol.ts';
import { addOf } from './table-fixture.ts';

const METADATA: MetadataAction = {
  id: 'x',
  format: { provider: 'parquet', options: {} },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: [],
  configuration: {},
};

/** The protocol of a table that has one feature. */
function protocolWith({ name, boundTo }: TableFeature): ProtocolAction {
  return {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: boundTo === 'writers' ? [] : [name],
    writerFeatures: [name],
  };
}

/** The message with which a check refuses; `undefined` where it does not. */
function refusalOf(check: () => void): string | undefined {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ code: 'TABLE_FEATURE_UNSUPPORTED' });
    return (error as Error).message;
  }
  return undefined;
}

describe.each(TABLE_FEATURES)('the feature $name', (feature) => {
  const protocol = protocolWith(feature);
  const why = 'refusal' in feature ? `it needs the feature ${feature.name} (${feature.refusal})` : '';

  test(`lets tables be read unless it is not supported at all`, () => {
    const refusal = refusalOf(() => checkReadable('t', protocol, METADATA));
    expect(refusal).toBe(feature.support === 'none' ? `t cannot be read: ${why}` : undefined);
  });

  test(`lets tables be written only if it is supported whole`, () => {
    const refusal = refusalOf(() => checkWritable('t', protocol));
    expect(refusal).toBe(feature.support === 'read and write' ? undefined : `t cannot be written: ${why}`);
  });

  test('only keeps readers out if it binds them', () => {
    expect(feature.support === 'none' && feature.boundTo === 'writers').toBe(false);
  });
});

describe('all features', () => {
  test('have one file each, named like the feature', () => {
    const files = readdirSync(join(import.meta.dirname, '../../src/table/features'))
      .map((name) => name.replace(/\.ts$/u, ''))
      .filter((name) => !name.startsWith('table-feature'));
    const kebab = (name: string): string => name.replaceAll(/([a-z0-9])([A-Z])/gu, '$1-$2').toLowerCase();
    expect(TABLE_FEATURES.map(({ name }) => kebab(name)).sort()).toEqual(files.sort());
  });

  test('that nobody knows are refused by name, without a reason', () => {
    const unknown: TableFeature = { name: 'x', boundTo: 'readers and writers', support: 'read and write' };
    const protocol = protocolWith(unknown);
    expect(refusalOf(() => checkReadable('t', protocol, METADATA))).toMatch(/the feature x$/u);
    expect(refusalOf(() => checkWritable('t', protocol))).toMatch(/the feature x$/u);
  });

  // PROTOCOL.md, "Valid Feature Names in Table Features" and "Writer Version Requirements".
  test.each([
    [1, undefined],
    [2, undefined],
    [3, /the feature checkConstraints \(/u],
    [4, /the features checkConstraints, changeDataFeed, generatedColumns$/u],
    [5, /the features checkConstraints, changeDataFeed, generatedColumns, columnMapping$/u],
    [6, /the features checkConstraints, changeDataFeed, generatedColumns, columnMapping, identityColumns$/u],
    [8, /writer version 8$/u],
  ])('that writer version %i implies are named', (minWriterVersion, refusal) => {
    const message = refusalOf(() => checkWritable('t', { minReaderVersion: 1, minWriterVersion }));
    if (refusal === undefined) expect(message).toBeUndefined();
    else expect(message).toMatch(refusal);
  });
});

describe('a table', () => {
  const readable = (
    protocol: Partial<ProtocolAction>,
    metadata: Partial<MetadataAction> = {},
  ): string | undefined =>
    refusalOf(() => checkReadable('t', { ...PROTOCOL, ...protocol }, { ...METADATA, ...metadata }));

  test('of pixlake has the oldest protocol that is in use', () => {
    expect(PROTOCOL).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
    expect(readable({})).toBeUndefined();
    expect(refusalOf(() => checkWritable('t', PROTOCOL))).toBeUndefined();
  });

  test('of another format or a newer reader version is not read', () => {
    expect(readable({}, { format: { provider: 'orc', options: {} } })).toBe(
      't cannot be read: it needs the feature format orc',
    );
    expect(readable({ minReaderVersion: 4 })).toBe('t cannot be read: it needs the feature reader version 4');
    expect(readable({ minReaderVersion: 3 })).toBeUndefined();
  });

  test('of several features that are missing names them all, and no reason', () => {
    const readerFeatures = ['timestampNtz', 'variantType', 'x'];
    expect(readable({ minReaderVersion: 3, readerFeatures })).toBe(
      't cannot be read: it needs the features variantType, x',
    );
    // Before version 3 nothing is listed by name.
    expect(readable({ minReaderVersion: 2, readerFeatures })).toBeUndefined();
    const writer = {
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['rowTracking', 'appendOnly', 'x'],
    };
    expect(refusalOf(() => checkWritable('t', writer))).toBe(
      't cannot be written: it needs the features rowTracking, x',
    );
    expect(refusalOf(() => checkWritable('t', { minReaderVersion: 1, minWriterVersion: 7 }))).toBeUndefined();
  });

  test('with the feature of a writer among those of readers is not read', () => {
    expect(readable({ minReaderVersion: 3, readerFeatures: ['appendOnly'] })).toMatch(
      /the feature appendOnly$/u,
    );
  });

  test('may be of reader version 2, which means column mapping, as long as no mode is set', () => {
    const mapped = (mode: string): string | undefined =>
      readable({ minReaderVersion: 2 }, { configuration: { 'delta.columnMapping.mode': mode } });
    expect(readable({ minReaderVersion: 2 })).toBeUndefined();
    expect(mapped('none')).toBeUndefined();
    for (const mode of ['name', 'id']) expect(mapped(mode)).toMatch(/the feature columnMapping \(/u);
  });

  test('whose files have deletion vectors is refused by the first of them', () => {
    const deletionVector = { storageType: 'u' };
    expect(refusalOf(() => checkNoVectors('t', [addOf('a'), addOf('b')]))).toBeUndefined();
    const files = [addOf('a'), { ...addOf('b'), deletionVector }, { ...addOf('c'), deletionVector }];
    expect(refusalOf(() => checkNoVectors('t', files))).toBe(
      't cannot be read: b has deleted rows, which need the feature deletionVectors',
    );
  });

  test('that needs checkpoints of version 2 is refused', () => {
    expect(needsV2Checkpoint('t')).toMatchObject({
      code: 'TABLE_FEATURE_UNSUPPORTED',
      message:
        't cannot be read: it needs the feature v2Checkpoint (pixlake does not read checkpoints of version 2)',
    });
  });
});
