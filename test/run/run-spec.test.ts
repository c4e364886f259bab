import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import {
  isSameRun,
  parseProcessSpec,
  parseRunSpec,
  type ProcessSpec,
  type Run,
  type RunInputs,
  toRunId,
} from '../../src/run/run-spec.ts';
import { DEFAULT_TRANSFORM } from '../../src/image/transform.ts';

const SPEC = { name: 'shoes', sql: 'FROM images' };
const INPUTS: RunInputs = {
  versions: { 'tables/images': '3' },
  modelSha256: undefined,
  planVersion: 1,
  pixelsVersion: 1,
  manifestVersion: 1,
};

function parse(changes: object = {}): Run {
  return parseRunSpec({ ...SPEC, ...changes }, 'spec.json');
}

function rejection(spec: unknown): string {
  try {
    parseRunSpec(spec, 'spec.json');
  } catch (error) {
    expect(error).toMatchObject({ name: 'PixlakeError', code: 'SPEC_INVALID', status: 400 });
    return messageOf(error);
  }
  return 'accepted';
}

/** The same fields in the opposite order, at every depth. */
function reverseFields<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, field]) => [key, reverseFields(field)] as const);
  return Object.fromEntries(entries.toReversed()) as T;
}

describe('a run specification', () => {
  it('needs a name and SQL only; all else has a default', () => {
    expect(parse()).toEqual({
      name: 'shoes',
      sql: 'FROM images',
      idColumn: 'id',
      copies: 1,
      seed: 42,
      maxPixels: 16_383 ** 2,
      maxImageMemory: 1024 ** 3,
      transform: { ...DEFAULT_TRANSFORM },
    });
  });

  it('keeps what it states, and fills in the rest of a transform', () => {
    const stated = {
      table: 'images',
      idColumn: 'sku',
      limit: 10,
      sample: 5,
      copies: 3,
      seed: 0,
      shardSize: 7,
      model: 'fashionnet',
    };
    expect(parse({ ...stated, transform: { size: 64, format: 'webp' } })).toMatchObject({
      ...stated,
      transform: { size: 64, format: 'webp', crop: 0.2, quality: 90 },
    });
  });

  it('reads its own result again, as a resumed run needs', () => {
    const run = parse({ limit: 3, transform: { background: '#ABCDEF' } });
    expect(parseRunSpec(JSON.parse(JSON.stringify(run)), 'plan')).toEqual(run);
  });

  it('takes colours in capitals for the same colours', () => {
    expect(parse({ transform: { background: '#FF00aa' } }).transform.background).toBe('#ff00aa');
  });

  it.each<[string, object, RegExp]>([
    ['no name', { name: undefined }, /spec\.json: name: .*expected string/u],
    ['no SQL', { sql: undefined }, /sql: .*expected string/u],
    ['SQL that is no text', { sql: ['FROM images'] }, /sql: .*expected string/u],
    ['an unknown field', { colour: 'red' }, /"colour"/u],
    ['an empty id column', { idColumn: '' }, /idColumn: /u],
    ['a limit of zero', { limit: 0 }, /limit: /u],
    ['half a row', { limit: 1.5 }, /limit: .*expected int/u],
    ['a negative sample', { sample: -1 }, /sample: /u],
    ['no copies', { copies: 0 }, /copies: /u],
    ['too many copies', { copies: 10_001 }, /copies: /u],
    ['copies as a text', { copies: '2' }, /copies: .*expected (?:number|int)/u],
    ['a negative seed', { seed: -1 }, /seed: /u],
    ['a seed beyond 32 bits', { seed: 2 ** 32 }, /seed: /u],
    ['a seed that is no number', { seed: Number.NaN }, /seed: /u],
    ['empty shards', { shardSize: 0 }, /shardSize: /u],
    ['huge shards', { shardSize: 100_001 }, /shardSize: /u],
    ['an empty model', { model: '' }, /model: /u],
    ['an empty output', { output: '' }, /output: /u],
    ['an unknown device', { device: 'abacus' }, /device: /u],
    ['images of no pixels', { maxPixels: 0 }, /maxPixels: /u],
    ['images of no memory', { maxImageMemory: 0 }, /maxImageMemory: /u],
    ['three crop columns', { cropColumns: ['l', 't', 'w'] }, /cropColumns/u],
    ['a crop column without a name', { cropColumns: ['l', 't', 'w', ''] }, /cropColumns\.3: /u],
    ['a transform that is no object', { transform: 'crop' }, /transform: .*expected object/u],
    ['a transform of null', { transform: null }, /transform: .*expected object/u],
    ['an unknown transform', { transform: { sharpen: 1 } }, /transform: .*"sharpen"/u],
    ['a crop of everything', { transform: { crop: 1 } }, /transform\.crop: /u],
    ['a negative crop', { transform: { crop: -0.1 } }, /transform\.crop: /u],
    ['an endless crop', { transform: { crop: Infinity } }, /transform\.crop: /u],
    ['a size of zero', { transform: { size: 0 } }, /transform\.size: /u],
    ['half a pixel', { transform: { size: 25.5 } }, /transform\.size: /u],
    ['a huge size', { transform: { size: 8193 } }, /transform\.size: /u],
    ['an unknown fit', { transform: { fit: 'stretch' } }, /transform\.fit: .*"contain"/u],
    ['a colour by name', { transform: { background: 'white' } }, /transform\.background: must be a colour/u],
    ['a short colour', { transform: { background: '#fff' } }, /transform\.background: must be a colour/u],
    ['a colour and more', { transform: { background: '#ffffff\n' } }, /transform\.background: must be/u],
    ['a probability above one', { transform: { flip: 1.1 } }, /transform\.flip: /u],
    ['more than half a turn', { transform: { rotate: 181 } }, /transform\.rotate: /u],
    ['a brightness above one', { transform: { brightness: 2 } }, /transform\.brightness: /u],
    ['a negative blur', { transform: { blur: -1 } }, /transform\.blur: /u],
    ['an unknown format', { transform: { format: 'gif' } }, /transform\.format: .*"jpeg"/u],
    ['a quality of zero', { transform: { quality: 0 } }, /transform\.quality: /u],
    ['a quality above 100', { transform: { quality: 101 } }, /transform\.quality: /u],
  ])('is refused with %s, which is named', (_, changes, reason) => {
    expect(rejection({ ...SPEC, ...changes })).toMatch(reason);
  });

  it.each([[null], [undefined], [7], ['FROM images'], [[]]])(
    'is refused where it is no object: %j',
    (spec) => {
      expect(rejection(spec)).toMatch(/^spec\.json: spec: .*expected object/u);
    },
  );

  it('is refused with every mistake at once', () => {
    const message = rejection({ sql: 1, copies: 0, transform: { size: 0, fit: 'x' }, more: true });
    for (const field of ['name: ', 'sql: ', 'copies: ', 'transform.size: ', 'transform.fit: ', '"more"']) {
      expect(message).toContain(field);
    }
  });

  it.each(['', '..', 'a/b', '../a', '.hidden', 'a b', 'a\0', 'x'.repeat(65), 'café', "a'b", '-a'])(
    'is refused with the name %j',
    (name) => {
      expect(() => parse({ name })).toThrow(expect.objectContaining({ code: 'TABLE_NAME_INVALID' }));
    },
  );

  it('says that shares are parts of 1 where a percentage is given', () => {
    for (const transform of [{ crop: 20 }, { flip: 50 }])
      expect(() => parse({ transform })).toThrow(
        expect.objectContaining({ code: 'SPEC_INVALID', remedy: expect.stringContaining('20 % is 0.2') }),
      );
    expect(() => parse({ transform: { rotate: 400 } })).toThrow(
      expect.objectContaining({ remedy: undefined }),
    );
  });

  it('never fails in another way, whatever it is given', () => {
    const field = fc.constantFrom('name', 'sql', 'copies', 'seed', 'transform', 'model', '__proto__');
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (changes) => {
        try {
          expect(parseRunSpec({ ...SPEC, ...changes }, 'x').idColumn).toBe('id');
        } catch (error) {
          expect(error).toHaveProperty('code', expect.stringMatching(/^(?:SPEC|TABLE_NAME)_INVALID$/u));
        }
      }),
      { seed: 51, numRuns: 200 },
    );
  });
});

describe('crop columns', () => {
  const cropColumns = ['l', 't', 'w', 'h'];

  it('take the place of the random crop, which is then none', () => {
    expect(parse({ cropColumns })).toMatchObject({
      cropColumns,
      transform: { ...DEFAULT_TRANSFORM, crop: 0 },
    });
    const stated = { size: 8, crop: 0, flip: 0.5 };
    expect(parse({ cropColumns, transform: stated }).transform).toEqual({ ...DEFAULT_TRANSFORM, ...stated });
    expect(parse().transform.crop).toBe(DEFAULT_TRANSFORM.crop);
    expect(parseRunSpec(parse({ cropColumns }), 'again')).toEqual(parse({ cropColumns }));
  });

  it.each([{ crop: 0.1 }, { aspectScale: [0.5, 1] }, { aspectRatio: [1, 1] }])(
    'cannot be given with %j',
    (transform) => {
      expect(rejection({ ...SPEC, cropColumns, transform })).toBe(
        'spec.json: cropColumns: takes the place of crop, aspectScale and aspectRatio, so they cannot be given with it',
      );
    },
  );

  it.each([null, 'crop', [1]])('change nothing about a transform that is wrong: %j', (transform) => {
    expect(rejection({ ...SPEC, cropColumns, transform })).toMatch(/transform: .*expected object/u);
  });
});

describe('a specification of single images', () => {
  it('has a default for everything', () => {
    const { name: _name, sql: _sql, idColumn: _id, ...rest } = parse();
    expect(parseProcessSpec({})).toEqual(rest);
  });

  it('keeps what it states', () => {
    const stated: ProcessSpec = {
      copies: 16,
      seed: 3,
      model: 'm',
      device: 'cpu',
      maxPixels: 9,
      maxImageMemory: 8,
    };
    expect(parseProcessSpec(stated)).toMatchObject(stated);
  });

  it.each<[object, RegExp]>([
    [{ copies: 17 }, /^process: copies: /u],
    [{ copies: 0 }, /^process: copies: /u],
    [{ model: '' }, /^process: model: /u],
    [{ sql: 'FROM images' }, /"sql"/u],
    [{ transform: { size: 0 } }, /^process: transform\.size: /u],
  ])('is refused as %j', (spec, message) => {
    expect(() => parseProcessSpec(spec)).toThrow(
      expect.objectContaining({ code: 'SPEC_INVALID', message: expect.stringMatching(message) }),
    );
  });
});

describe('the id of a run', () => {
  const run = parse({ transform: { crop: 0.1, flip: 0.5 } });
  const id = toRunId(run, INPUTS);

  it('is 16 hex digits, the same each time', () => {
    expect(id).toMatch(/^[0-9a-f]{16}$/u);
    expect(toRunId(parse({ transform: { crop: 0.1, flip: 0.5 } }), { ...INPUTS })).toBe(id);
  });

  it('stays as it is, so that finished runs are found again, unless pixels are made by other rules', () => {
    expect(toRunId(parse(), INPUTS)).toMatchInlineSnapshot(`"0fa75bb41de3bd64"`);
    expect(toRunId(parse(), { ...INPUTS, pixelsVersion: 2 })).not.toBe(toRunId(parse(), INPUTS));
  });

  it('does not change by an option that a newer pixlake adds, as long as it has its default', () => {
    const withoutNewer = { ...parse() } as Record<string, unknown>;
    delete withoutNewer['copies'];
    expect(toRunId(withoutNewer as Run, INPUTS)).toBe(toRunId(parse(), INPUTS));
    expect(isSameRun(withoutNewer as Run, parse())).toBe(true);
    expect(isSameRun(withoutNewer as Run, parse({ copies: 2 }))).toBe(false);
  });

  it('does not depend on the name', () => {
    expect(toRunId({ ...run, name: 'other' }, INPUTS)).toBe(id);
  });

  it('does not depend on the order of fields or on defaults being written out', () => {
    expect(toRunId(reverseFields(run), reverseFields({ ...INPUTS }))).toBe(id);
    const versions = { 'tables/a': '1', 'tables/b': '2' };
    expect(toRunId(run, { ...INPUTS, versions: reverseFields(versions) })).toBe(
      toRunId(run, { ...INPUTS, versions }),
    );
    const written = parse({ copies: 1, seed: 42, transform: { crop: 0.1, flip: 0.5, size: 256 } });
    expect(toRunId(written, INPUTS)).toBe(id);
  });

  it('does not tell a field that is absent from one that is undefined', () => {
    expect(toRunId(parse({ limit: undefined, transform: { crop: 0.1, flip: 0.5 } }), INPUTS)).toBe(id);
  });

  it.each<[string, object]>([
    ['SQL', { sql: 'FROM images WHERE true' }],
    ['seed', { seed: 43 }],
    ['number of copies', { copies: 2 }],
    ['limit', { limit: 10 }],
    ['sample', { sample: 10 }],
    ['table', { table: 'images' }],
    ['id column', { idColumn: 'sku' }],
    ['model', { model: 'toy' }],
    ['size of shards', { shardSize: 5 }],
    ['crop', { transform: { crop: 0.11, flip: 0.5 } }],
    ['format', { transform: { crop: 0.1, flip: 0.5, format: 'png' } }],
    ['background', { transform: { crop: 0.1, flip: 0.5, background: '#000000' } }],
  ])('differs with another %s', (_, changes) => {
    const other = parse({ transform: { crop: 0.1, flip: 0.5 }, ...changes });
    expect(toRunId(other, INPUTS)).not.toBe(id);
  });

  it.each<[string, RunInputs]>([
    ['version of a table', { ...INPUTS, versions: { 'tables/images': '4' } }],
    ['table', { ...INPUTS, versions: { 'tables/labels': '3' } }],
    ['set of tables', { ...INPUTS, versions: { 'tables/images': '3', 'tables/labels': '0' } }],
    ['model file', { ...INPUTS, modelSha256: 'a'.repeat(64) }],
  ])('differs with another %s', (_, inputs) => {
    expect(toRunId(run, inputs)).not.toBe(id);
  });
});

describe('two runs', () => {
  it('are the same whatever the order of their fields', () => {
    const run = parse({ limit: 5, transform: { size: 64 } });
    expect(isSameRun(run, reverseFields(run))).toBe(true);
    expect(isSameRun(run, parseRunSpec(JSON.parse(JSON.stringify(run)), 'x'))).toBe(true);
  });

  it('differ by any field, the name too', () => {
    const run = parse();
    expect(isSameRun(run, { ...run, name: 'other' })).toBe(false);
    expect(isSameRun(run, { ...run, limit: 1 })).toBe(false);
    expect(isSameRun(run, { ...run, transform: { ...run.transform, crop: 0.3 } })).toBe(false);
  });
});
