import { expect, test } from 'vitest';
import { answerForMillion, readResult } from '../../notebooks/million.ts';

test('a million of each job takes what SCALING.md says, in minutes', async () => {
  const { rows, machine } = await answerForMillion();
  const { million, machine: measured } = await readResult('scaling');
  expect(rows).toHaveLength(million.length);
  const [{ job, here }] = million;
  expect(rows[0]).toMatchObject({ job, 'a million takes': `${(here.seconds / 60).toFixed(1)} minutes` });
  expect(rows.flatMap(Object.values).join(' ')).not.toMatch(/NaN|undefined/u);
  expect(machine).toContain(measured.commit);
});
