import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { makeTestFolder, pixlakeJson } from '../support/pixlake.ts';
import { bytesOf, sendTo } from './send-images.ts';
import { finished, problemOf, useEmbeddedServer } from './server-fixture.ts';

const server = useEmbeddedServer(20);
const { upload, uploadForm } = sendTo(server);

describe('a specification of single images', () => {
  /** What a run and a request have in common; the fields of `transform` are options of the command line. */
  const spec = {
    seed: 5,
    transform: { size: 48, flip: 0.5, rotate: 8, aspectScale: [0.3, 0.9], crop: 0.1 },
  };
  const flat = 'seed=5&size=48&flip=0.5&rotate=8&aspectScale=0.3,0.9&crop=0.1';
  const options = '--seed 5 --size 48 --flip 0.5 --rotate 8 --aspect-scale 0.3,0.9 --crop 0.1'.split(' ');
  const sql = 'SELECT id FROM images WHERE id = 7';
  const headers = { accept: 'image/jpeg' };

  const keyOf = async (name: string): Promise<string> => {
    const rows = await pixlakeJson<{ image_key: string }[]>(server.lake, 'query', `FROM runs."${name}"`);
    return rows[0]?.image_key ?? '';
  };
  const imageOf = async (name: string): Promise<Buffer> => readFile(join(server.lake, await keyOf(name)));
  const original = (): Promise<Buffer> => readFile(join(server.lake, 'originals/images/7.jpg'));

  test('all ways to give it make the same image', async () => {
    const file = join(await makeTestFolder(), 'spec.json');
    await writeFile(file, JSON.stringify({ name: 'by-file', sql, ...spec }));
    await pixlakeJson(server.lake, 'run', '--spec', file);
    await pixlakeJson(server.lake, 'run', '--name', 'by-options', '--sql', sql, ...options);
    await server.current.post('/v1/runs', { name: 'over-rest', sql, ...spec });
    await finished(server.current, 'over-rest');
    const encoded = encodeURIComponent(JSON.stringify(spec));
    const responses = await Promise.all([
      server.current.post('/v1/process', { table: 'images', ids: [7], ...spec }, headers),
      server.current.post(`/v1/process?${flat}`, { table: 'images', ids: [7] }, headers),
      uploadForm({ '7.jpg': await original() }, spec, headers),
      uploadForm({ '7.jpg': await original() }, undefined, headers, `?${flat}`),
      upload(await original(), `?id=7&spec=${encoded}`, headers),
      upload(await original(), `?id=7&${flat}`, headers),
    ]);
    const images = await Promise.all(responses.map(bytesOf));
    const expected = await imageOf('by-file');
    expect(await sharp(expected).metadata()).toMatchObject({ width: 48, height: 48 });
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    for (const image of [await imageOf('by-options'), await imageOf('over-rest'), ...images])
      expect(image.equals(expected)).toBe(true);
    expect.assertions(10);
  });

  test('single options override it, as those of the command line do', async () => {
    const encoded = encodeURIComponent(
      JSON.stringify({ ...spec, transform: { ...spec.transform, size: 20 } }),
    );
    const wrong = { ...spec, seed: 6, transform: { ...spec.transform, size: 20, flip: 0 } };
    const right = 'seed=5&size=48&flip=0.5';
    const responses = [
      await upload(await original(), `?id=7&${flat}`, headers),
      await upload(await original(), `?id=7&spec=${encoded}&size=48`, headers),
      await server.current.post(`/v1/process?${right}`, { table: 'images', ids: [7], ...wrong }, headers),
      await uploadForm({ '7.jpg': await original() }, wrong, headers, `?${right}`),
    ];
    const [expected, ...images] = await Promise.all(responses.map(bytesOf));
    expect(images.map((image) => image.equals(expected ?? Buffer.alloc(0)))).toEqual([true, true, true]);
  });

  test('what has no place is refused, and says where it belongs', async () => {
    const body = { table: 'images', ids: [7] };
    const refused = async (response: Response): Promise<string> => (await problemOf(response)).detail;
    expect(await refused(await server.current.post('/v1/process', { ...body, crop: 0.1, sql }))).toBe(
      'body: unknown fields "crop", "sql": in a specification, "crop" is a field of "transform"',
    );
    expect(
      await refused(await server.current.post('/v1/runs', { name: 'x', sql, size: 9, fit: 'cover' })),
    ).toBe('body: unknown fields "size", "fit": in a specification, "size", "fit" are fields of "transform"');
    expect(await refused(await server.current.post('/v1/runs?crop=0.1', { name: 'x', sql }))).toContain(
      'crop',
    );
    expect(await refused(await server.current.post('/v1/process?id=7', body))).toBe(
      'id in the query string: only allowed if the body is an image',
    );
    expect(await refused(await uploadForm({ '7.jpg': await original() }, {}, {}, '?spec={}'))).toBe(
      'spec in the query string: only allowed if the body is an image',
    );
    expect(await refused(await upload(await original(), '?spec={'))).toMatch(/^spec: .*JSON/u);
    expect(await refused(await upload(await original(), '?spec={"nope":1}'))).toContain(
      'unknown field "nope"',
    );
  });
});
