/** Comments, texts, regular expressions (which begin with no space here, as divisions do), names, and what else matters. */
const TOKEN =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/(?![*/ =])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[\w$]+|=>|[()[\]{}=;:.]/gu;

const MATCHER = /^(?:to[A-Z]\w*|(?:string|array|object)\w*ing|expect[A-Z]\w*)$/u;

const CODE = /(?<![\w|])[A-Z]+(?:_[A-Z]+)*(?![\w|])/gu;

/** What a bracket opens: what a test expects, what `expect` looks at, or anything else, which is as what it lies in. */
type Scope = 'expected' | 'subject' | undefined;

/** The constants that tables of tests are taken from. */
function tableNames(source: string): Set<string> {
  const found = source.matchAll(
    /(?:\.each(?:<[^;]*?>)?\(|\bof )(?:Object\.(?:entries|keys)\()?([A-Z]\w*)\)/gu,
  );
  return new Set(Array.from(found, ([, name = '']) => name));
}

/**
 * The error codes that a source of tests expects: beside `code:`, in the arguments of a matcher, and in a table of `test.each` or of a loop. One
 * among others in a regular expression (`A|B`), or in a list that `expect` looks into, is allowed and not expected.
 */
export function assertedCodes(source: string): Set<string> {
  const tables = tableNames(source);
  const codes = new Set<string>();
  const scopes: Scope[] = [];
  const before: string[] = [];
  let constant: string | undefined;
  for (const [token] of source.replaceAll(/\.each<[^]*?>\(/gu, '.each(').matchAll(TOKEN)) {
    if (token.startsWith('//') || token.startsWith('/*')) continue;
    const [last = '', second = ''] = before;
    if (second === 'const') constant = last;
    if (token === ';') constant = undefined;
    if ('([{'.includes(token)) {
      const isTable = last === 'each' || last === 'of' || (last === '=' && tables.has(constant ?? ''));
      if (last === 'expect') scopes.push('subject');
      else if (MATCHER.test(last) || isTable) scopes.push('expected');
      else scopes.push(scopes.at(-1));
    } else if (')]}'.includes(token)) scopes.pop();
    else if (/^['"`/]/u.test(token)) {
      const scope = scopes.at(-1);
      if (scope === 'expected' || (scope !== 'subject' && last === ':' && second === 'code'))
        for (const [code] of token.matchAll(CODE)) codes.add(code);
    }
    before.unshift(token);
    before.length = Math.min(before.length, 2);
  }
  return codes;
}
