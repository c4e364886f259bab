import { tableFolder } from '../storage/lake-layout.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { folderOf, listExecutions, readRunState } from './execution.ts';

/** Versions of a table of the lake, given by its folder, that unfinished runs of the lake read. */
export async function listPinnedVersions(store: ObjectStore, folder: string): Promise<number[]> {
  const versions = new Set<number>();
  for (const name of await store.listFolders('runs')) {
    for (const execution of await listExecutions(store, name)) {
      const { sourceLake, sourceTable, sourceVersion } = execution;
      if (sourceLake !== undefined || folderOfSource(sourceTable) !== folder) continue;
      if ((await readRunState(store, folderOf(execution))) === 'unfinished') versions.add(sourceVersion);
    }
  }
  return [...versions];
}

/** The folder of a table by its name in SQL, which may say `@v3` or a time; `undefined` for the output of a run. */
function folderOfSource(sourceTable: string): string | undefined {
  const name = /^(?:"(?<quoted>(?:[^"]|"")+)"|(?<plain>\w+))(?:@| AT |$)/u.exec(sourceTable)?.groups;
  const table = name?.['quoted'] ?? name?.['plain'];
  return table === undefined ? undefined : tableFolder(table);
}
