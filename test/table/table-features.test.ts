import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MetadataAction, ProtocolAction } from '../../src/table/delta-actions.ts';
import type { TableFeature } from '../../src/table/features/table-feature.ts';
import { TABLE_FEATURES } from '../../src/table/features/table-features.ts';
import { checkReadable, checkWritable } from '../../src/table/protocol.ts';

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
