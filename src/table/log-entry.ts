import { hash } from 'node:crypto';
import { messageOf, PixlakeError } from '../errors.ts';
import type { DeltaAction } from './delta-actions.ts';
import { parseAction } from './parse-actions.ts';

/** Encodes a log entry. Its first action describes the commit and gets the SHA-256 of the following lines, so a flipped bit in them is detected. */
export function encodeLogEntry([first, ...others]: readonly DeltaAction[]): Buffer {
  const lines = Buffer.from(others.map((action) => `${JSON.stringify(action)}\n`).join(''));
  const commitInfo = { ...first?.commitInfo, actionsSha256: hash('sha256', lines, 'hex') };
  return Buffer.concat([Buffer.from(`${JSON.stringify({ commitInfo })}\n`), lines]);
}

/**
 * Parses a log entry: one JSON object a line. Entries of other writers, and of older versions, have no checksum.
 *
 * @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED`
 */
export function parseLogEntry(bytes: Buffer, place: string): DeltaAction[] {
  const actions = parseLogLines(bytes.toString('utf8').split('\n'), place);
  const sha256 = actions[0]?.commitInfo?.actionsSha256;
  if (sha256 !== undefined && sha256 !== hash('sha256', bytes.subarray(bytes.indexOf('\n') + 1), 'hex'))
    throw new PixlakeError('TABLE_CORRUPT', `${place} does not match the checksum with which it was written`);
  return actions;
}

/** Parses some lines of a log entry. @throws `TABLE_CORRUPT`, `TABLE_FEATURE_UNSUPPORTED` */
export function parseLogLines(lines: readonly string[], place: string): DeltaAction[] {
  const actions: DeltaAction[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (error) {
      const message = `${place} has a line that is not JSON: ${messageOf(error)}`;
      throw new PixlakeError('TABLE_CORRUPT', message, { cause: error });
    }
    actions.push(parseAction(json, place));
  }
  return actions;
}
