/** What people write who know another dialect or program, and what is meant here. Texts may hold what only looks like it, so this is asked after an error only. */
const MISTAKES: readonly (readonly [pattern: RegExp, remedy: (match: RegExpExecArray) => string])[] = [
  [
    /\b(?<schema>runs|errors)\.(?<name>\w[\w.]*-[\w.-]*\w)/iu,
    ({ groups }) => `a name with a hyphen needs quotes: ${groups?.['schema']}."${groups?.['name']}"`,
  ],
  [
    /\b(?<table>[\w."]+)\s+(?:FOR\s+)?(?:SYSTEM_)?(?<kind>VERSION|TIMESTAMP|TIME)\s+AS\s+OF\s+(?<at>'[^']*'|\d+)/iu,
    ({ groups }) =>
      groups?.['kind']?.toUpperCase() === 'VERSION'
        ? `an older version is ${groups['table']}@v${groups['at']}`
        : `an older version is ${groups?.['table']} AT (TIMESTAMP => ${groups?.['at']})`,
  ],
  [/^\s*EXPLAIN\b/iu, () => 'give the SELECT alone; `pixlake query --explain` explains it'],
  [
    /^\s*PIVOT\b|\bPIVOT\b(?![^)]*\bIN\b)/iu,
    () =>
      "a PIVOT needs the values of its columns: PIVOT images ON gender IN ('Men', 'Women') USING count(*)",
  ],
  [
    /^\s*(?:INSERT|UPDATE|MERGE|COPY|CREATE|ALTER|DROP|TRUNCATE)\b/iu,
    () => 'give one SELECT; tables change by `pixlake ingest`, `pixlake delete` and `pixlake tables drop`',
  ],
  [/^\s*DELETE\b/iu, () => 'give one SELECT; `pixlake delete <table> --where "<condition>"` deletes rows'],
];

/** What to write instead of SQL that could not be parsed, or is not a SELECT; `undefined` if it is not a well-known mistake. */
export function explainMistake(sql: string): string | undefined {
  for (const [pattern, remedy] of MISTAKES) {
    const match = pattern.exec(sql);
    if (match !== null) return remedy(match);
  }
  return undefined;
}
