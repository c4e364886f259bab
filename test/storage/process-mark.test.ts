import fs from 'node:fs';
import os from 'node:os';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { isMarkedAlive, processMark } from '../../src/storage/process-mark.ts';
import { importFresh } from '../support/import-fresh.ts';
import { stubBuiltin } from '../support/stub-builtin.ts';

const [SPACE = '', PID = '', START = ''] = processMark().slice(0, -1).split('.');

/** Status of a process with that state and start, as proc(5) describes it; the name of its command is awkward. */
const statusOf = (state: string, start: string): string =>
  `${PID} (a) Z (b c) ${state} ${Array.from({ length: 18 }, () => '0').join(' ')} ${start} 0 0\n`;

let own = statusOf('S', START);
let sent: Error | undefined;
const signal = vi.fn<typeof process.kill>();

const files = (path: unknown): string => {
  if (path === '/proc/sys/kernel/random/boot_id') return 'boot\n';
  if (path === `/proc/${PID}/stat` && own !== '') return own;
  throw new Error('ENOENT');
};

beforeEach(() => {
  own = statusOf('S', START);
  sent = undefined;
  signal.mockReset().mockImplementation(() => {
    if (sent !== undefined) throw sent;
    return true;
  });
  const kill = vi.spyOn(process, 'kill').mockImplementation(signal);
  stubBuiltin(vi.spyOn(fs, 'readFileSync')).mockImplementation(files);
  return () => kill.mockRestore();
});

describe('a process is', () => {
  test.each([
    ['alive', 'S', true],
    ['alive', 'R', true],
    ['a zombie', 'Z', false],
    ['dead', 'X', false],
  ])('%s in state %s', (_, state, isAlive) => {
    own = statusOf(state, START);
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}-x`)).toBe(isAlive);
    expect(signal).toHaveBeenCalledWith(Number(PID), 0);
  });

  test('another one if it began at another time', () => {
    own = statusOf('S', `${START}1`);
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}-x`)).toBe(false);
    expect(isMarkedAlive(`${SPACE}.${PID}.-x`)).toBe(false);
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}1-x`)).toBe(true);
  });

  test.each(['', `${PID} (a) Z 0 0`])('taken for alive where its status is %j', (status) => {
    own = status;
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}1-x`)).toBe(true);
    expect(isMarkedAlive(`${SPACE}.${PID}.-x`)).toBe(true);
  });

  test('dead if there is none of its number, but alive if it belongs to another user', () => {
    sent = Object.assign(new Error('none'), { code: 'ESRCH' });
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}-x`)).toBe(false);
    sent = Object.assign(new Error('other user'), { code: 'EPERM' });
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}-x`)).toBe(true);
    sent = new Error('plain');
    expect(isMarkedAlive(`${SPACE}.${PID}.${START}-x`)).toBe(true);
  });
});

describe('a name', () => {
  test.each([`${SPACE}.${PID}.${START}-`, `pixlake-${SPACE}.${PID}.${START}-a-b`])(
    '%s has a mark',
    (name) => {
      expect(isMarkedAlive(name)).toBe(true);
    },
  );

  test.each([
    'anything',
    `x${SPACE}.${PID}.${START}-x`,
    `other-${SPACE}.${PID}.${START}-x`,
    `${SPACE.slice(1)}.${PID}.${START}-x`,
    `${SPACE}.x.${START}-x`,
    `${SPACE}..${START}-x`,
    `${SPACE}.${PID}.x-x`,
    `${SPACE}.${PID}.${START}x`,
    `000000000000.${PID}.${START}-x`,
  ])('%s has none of a process here', (name) => {
    expect(isMarkedAlive(name)).toBeUndefined();
    expect(signal).not.toHaveBeenCalled();
  });
});

/** The mark of a process that has not asked for it before. */
async function freshMark(): Promise<string> {
  const module =
    await importFresh<typeof import('../../src/storage/process-mark.ts')>('storage/process-mark.ts');
  const mark = module.processMark();
  expect(module.processMark()).toBe(mark);
  return mark;
}

test('a mark names the process, and the machine, its boot and its container', async () => {
  const link = stubBuiltin(vi.spyOn(fs, 'readlinkSync')).mockReturnValue('pid:[1]');
  const host = stubBuiltin(vi.spyOn(os, 'hostname')).mockReturnValue('one');
  const first = await freshMark();
  expect(first).toMatch(/^[0-9a-f]{12}\.\d+\.\d*-$/u);
  expect(first.slice(13)).toBe(`${PID}.${START}-`);
  expect(await freshMark()).toBe(first);
  const marks = [first];
  host.mockReturnValue('two');
  marks.push(await freshMark());
  link.mockReturnValue('pid:[2]');
  marks.push(await freshMark());
  vi.mocked(fs.readFileSync).mockImplementation((path) =>
    path === `/proc/${PID}/stat` ? own : 'other boot',
  );
  marks.push(await freshMark());
  expect(new Set(marks.map((mark) => mark.slice(0, 12))).size).toBe(4);
  link.mockImplementation(() => files(''));
  vi.mocked(fs.readFileSync).mockImplementation(() => files(''));
  // Not every system has /proc.
  expect((await freshMark()).slice(13)).toBe(`${PID}.-`);
});
