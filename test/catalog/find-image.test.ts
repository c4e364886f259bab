import { expect, test } from 'vitest';
import { findImage } from '../../src/catalog/find-image.ts';
import { DeltaTable } from '../support/delta-table.ts';
import type { DeltaType } from '../../src/table/delta-schema.ts';

const IMAGE: Readonly<Record<string, DeltaType>> = {
  image_key: 'string',
  image_sha256: 'string',
  image_format: 'string',
};

async function makeTable(columns: Readonly<Record<string, DeltaType>>, query: string): Promise<DeltaTable> {
  const table = await DeltaTable.begin();
  table.protocol().metadata(columns);
  await table.addRows('f.parquet', query);
  await table.commit();
  return table;
}

const rowOf = (ids: string, key: string): string =>
  `SELECT ${ids}, ${key} AS image_key, 'sha-' || ${key} AS image_sha256, NULL::VARCHAR AS image_format`;

const found = (key: string): object => ({ key, sha256: `sha-${key}`, format: null });

test.each<[string, Readonly<Record<string, DeltaType>>, string]>([
  [
    'image_id, where there is one',
    { other: 'string', id: 'long', image_id: 'string' },
    `'0' AS other, 5::BIGINT AS id, '7' AS image_id`,
  ],
  ['id, where there is no image_id', { other: 'string', id: 'long' }, `'0' AS other, 7::BIGINT AS id`],
  [
    'the first column, where there is neither',
    { name: 'string', other: 'long' },
    `'7' AS name, 0::BIGINT AS other`,
  ],
])('the image of a row is found by %s', async (_column, columns, ids) => {
  const { store } = await makeTable({ ...columns, ...IMAGE }, rowOf(ids, `'k'`));
  expect(await findImage(store, 't', '7')).toEqual(found('k'));
  for (const id of ['5', '0', '7.0', '7 OR true', '', '-', '1'.repeat(20)])
    await expect(findImage(store, 't', id), id).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
});

test('ids may be negative, or texts that hold quotes', async () => {
  const numbers = await makeTable({ id: 'long', ...IMAGE }, rowOf('-7::BIGINT AS id', `'k'`));
  expect(await findImage(numbers.store, '"t"', '-7')).toEqual(found('k'));
  const texts = await makeTable({ id: 'string', ...IMAGE }, rowOf(`'it''s' AS id`, `'k'`));
  expect(await findImage(texts.store, 't', "it's")).toEqual(found('k'));
  await expect(findImage(texts.store, 't', `x'${'y'.repeat(200)}`)).rejects.toMatchObject({
    message: `t has no image with the id "x'${'y'.repeat(98)}"`,
  });
});

test('a row without an image, and tables without any, have none', async () => {
  const empty = await makeTable({ id: 'long', ...IMAGE }, rowOf('1::BIGINT AS id', 'NULL::VARCHAR'));
  await expect(findImage(empty.store, 't', '1')).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
  const plain = await makeTable({ id: 'long' }, 'SELECT 1::BIGINT AS id');
  await expect(findImage(plain.store, 't', '1')).rejects.toMatchObject({ code: 'IMAGE_MISSING' });
  await expect(findImage(plain.store, 'none', '1')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
});
