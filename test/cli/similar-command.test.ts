import { expect, test } from 'vitest';
import { pixlake, pixlakeJson } from '../support/pixlake.ts';
import { usePlainLake } from './plain-lake.ts';

const shared = usePlainLake(4);

test('similar prints the nearest images with their distances, and as many as asked for', async () => {
  const { lake } = shared;
  const sql = 'SELECT id, gender FROM images';
  await pixlake(lake, 'run', '--name', 'labelled', '--sql', sql, '--model', 'fashion-tiny', '--size', '80');
  const { stdout } = await pixlake(lake, 'similar', 'labelled', '1');
  const [title, ...lines] = stdout.trimEnd().split('\n');
  expect(title).toBe('distance  image');
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatch(/^ *\d\.\d{4} {2}[234] {2}(?:Men|Women)$/u);
  expect(lines).toEqual([...lines].sort());
  const nearest = await pixlakeJson<{ image_id: string }[]>(lake, 'similar', 'labelled', '1', '-k', '1');
  expect(nearest).toHaveLength(1);
  expect(lines[0]).toContain(`  ${nearest[0]?.image_id}  `);
});

test.each([
  [['none', '1'], 3, '[TABLE_NOT_FOUND]'],
  [['images'], 2, "missing required argument 'id'"],
  [['images', '1', '-k', '0'], 2, 'at least 1'],
])('similar %j exits with %i', async (args, code, text) => {
  expect(await pixlake(shared.lake, 'similar', ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
