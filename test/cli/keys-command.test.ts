import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTestFolder, pixlake } from '../support/pixlake.ts';

async function call(file: string, ...args: readonly string[]): ReturnType<typeof pixlake> {
  return pixlake('.', 'keys', ...args, '--file', file);
}

test('a key is made, shown once, listed without its secret, and revoked', async () => {
  const file = join(await makeTestFolder(), 'keys.json');
  const made = await call(file, 'create', '--name', 'notebook');
  const id = /^key (\S+) has the scope read; it is shown only this once$/mu.exec(made.stderr)?.[1] ?? '';
  expect(id).not.toBe('');
  const token = made.stdout.trim();
  expect(await readFile(file, 'utf8')).not.toContain(token);
  const batch = JSON.parse(
    (await call(file, 'create', '--name', 'batch', '--scope', 'run', '--expires', '52w', '--json')).stdout,
  ) as { id: string; token: string };
  expect(batch.token).not.toBe(token);
  const { stdout } = await call(file, 'list');
  expect(stdout).toMatch(new RegExp(`^${id} {2}read {2}notebook {2}created \\S+ {2}valid$`, 'mu'));
  expect(stdout).toMatch(new RegExp(`^${batch.id} {2}run {2}batch {2}created \\S+ {2}expires \\S+$`, 'mu'));
  expect((await call(file, 'revoke', id)).stdout).toBe(`key ${id} (notebook) is revoked\n`);
  expect((await call(file, 'list')).stdout).toMatch(new RegExp(`^${id} .* revoked \\S+$`, 'mu'));
  const listed = JSON.parse((await call(file, 'list', '--json')).stdout) as Record<string, unknown>[];
  expect(listed).toMatchObject([
    { id, revokedAt: expect.any(String) },
    { id: batch.id, scope: 'run' },
  ]);
  expect(listed.flatMap(Object.keys)).not.toContain('secretSha256');
});

test.each([
  [['create'], 2, '--name'],
  [['create', '--name', 'x', '--scope', 'all'], 2, 'Allowed choices are read, run, admin'],
  [['create', '--name', 'x', '--expires', 'soon'], 2, 'expected a duration'],
  [['list'], 3, '[API_KEYS_INVALID]'],
  [['revoke', 'nobody'], 3, '[API_KEYS_INVALID]'],
])('keys %j exits with %i', async (args, code, text) => {
  const file = join(await makeTestFolder(), 'keys.json');
  expect(await call(file, ...args)).toMatchObject({
    code,
    stdout: '',
    stderr: expect.stringContaining(text),
  });
});
