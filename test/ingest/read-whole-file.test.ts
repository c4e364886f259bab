import { appendFile, chmod, mkdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PixlakeError } from '../../src/errors.ts';
import { describeFailure, MAX_IMAGE_BYTES, readWholeFile } from '../../src/ingest/read-whole-file.ts';
import { makeTestFolder } from '../support/pixlake.ts';

test('a file is read byte for byte', async () => {
  const path = join(await makeTestFolder(), '1.jpg');
  for (const bytes of [Buffer.alloc(0), Buffer.from('a\0\xff', 'latin1'), Buffer.alloc(100_003, 'xyz')]) {
    await writeFile(path, bytes);
    expect(await readWholeFile(path)).toEqual({ kind: 'bytes', bytes });
  }
});

describe('reading a file', () => {
  test('that vanished, became another thing or cannot be opened gives the reason', async () => {
    const folder = await makeTestFolder();
    await mkdir(join(folder, 'folder.jpg'));
    await symlink(join(folder, 'folder.jpg'), join(folder, 'link.jpg'));
    await symlink('loop.jpg', join(folder, 'loop.jpg'));
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')]);
    await writeFile(join(folder, 'file'), '');
    await writeFile(join(folder, 'huge.jpg'), '');
    await truncate(join(folder, 'huge.jpg'), MAX_IMAGE_BYTES + 1);
    const read = (name: string): ReturnType<typeof readWholeFile> => readWholeFile(join(folder, name));
    const unreadable = (reason: string): unknown => ({ kind: 'unreadable', reason });
    expect(await read('gone.jpg')).toEqual(unreadable('it vanished'));
    expect(await read('file/1.jpg')).toEqual(unreadable('it vanished'));
    expect(await read('folder.jpg')).toEqual(unreadable('it is a folder'));
    expect(await read('link.jpg')).toEqual(unreadable('it is a link'));
    expect(await read('loop.jpg')).toEqual(unreadable('it is a link'));
    expect(await read('pipe.jpg')).toEqual(unreadable('it is a special file'));
    expect(await read('x'.repeat(300))).toEqual(unreadable('its path is too long'));
    expect(await read('huge.jpg')).toEqual({ kind: 'tooLarge', sizeBytes: MAX_IMAGE_BYTES + 1 });
  });

  test.skipIf(process.getuid?.() === 0)('without permission gives the reason', async () => {
    const path = join(await makeTestFolder(), '1.jpg');
    await writeFile(path, '1');
    await chmod(path, 0);
    expect(await readWholeFile(path)).toEqual({ kind: 'unreadable', reason: 'permission denied' });
  });

  test.each<[string, (path: string, time: number) => Promise<void>]>([
    ['of another time', (path, time) => utimes(path, time, time)],
    [
      'of another size',
      async (path) => {
        await appendFile(path, 'x');
        await utimes(path, 1, 1);
      },
    ],
  ])('that is %s when it has been read gives no bytes', async (_, change) => {
    const path = join(await makeTestFolder(), '1.jpg');
    await writeFile(path, '');
    await truncate(path, 30_000_000);
    await utimes(path, 1, 1);
    const reading = readWholeFile(path);
    let time = 1;
    const changed = async (): Promise<undefined> => {
      time += 1;
      await change(path, time);
    };
    while ((await Promise.race([reading, changed()])) === undefined);
    const content = await reading;
    expect(content.kind === 'unreadable' && content.reason).toBe('it changed while it was read');
  });

  test.skipIf(process.platform !== 'linux')('of fewer bytes than its size gives no bytes', async () => {
    // The kernel states 4,096 bytes for each file of this kind.
    expect(await readWholeFile('/sys/kernel/uevent_seqnum')).toEqual({
      kind: 'unreadable',
      reason: 'it changed while it was read',
    });
  });
});

describe('a failure', () => {
  const failure = (code: string): Error => Object.assign(new Error(`${code}: of a kind`), { code });

  test.each([
    [failure('EACCES'), 'permission denied'],
    [failure('EPERM'), 'permission denied'],
    [failure('EISDIR'), 'it is a folder'],
    [failure('EIO'), 'the device reports an error'],
    [failure('ENXIO'), 'it is a special file'],
    [failure('ESTALE'), 'ESTALE: of a kind'],
    [new Error('of no kind'), 'of no kind'],
    ['a text', 'a text'],
  ])('of a file is a reason: %s', (error, reason) => {
    expect(describeFailure(error, 'x')).toBe(reason);
  });

  test.each(['EMFILE', 'ENFILE', 'ENOMEM'])('of this process or machine is an error: %s', (code) => {
    const cause = failure(code);
    expect(() => describeFailure(cause, 'a/x')).toThrow(
      expect.objectContaining({
        code: 'STORAGE_FAILED',
        message: `cannot read a/x: ${cause.message}`,
        cause,
      }),
    );
  });

  test('of pixlake is passed on', () => {
    const error = new PixlakeError('SOURCE_CHANGED', 'it changed');
    expect(() => describeFailure(error, 'x')).toThrow(error);
  });
});
