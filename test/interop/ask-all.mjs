// Asks pixlake many questions in one process. Standard input is `{ library, lake, queries }`; standard output has for
// each query the ids that it found, sorted, with the number of data files it read, or the text of its error.
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const { library, lake, queries } = JSON.parse(await text(process.stdin));
const { openLakehouse } = await import(pathToFileURL(library).href);
const lakehouse = openLakehouse({ lake });

async function ask(sql) {
  try {
    const query = await lakehouse.query(sql);
    try {
      const ids = [];
      for await (const row of query.rows()) ids.push(Number(Object.values(row)[0]));
      return { ids: ids.sort((a, b) => a - b), fileCount: query.tables[0].readFiles.length };
    } finally {
      await query[Symbol.asyncDispose]();
    }
  } catch (error) {
    return { error: error.message };
  }
}

const answers = [];
for (const sql of queries) answers.push(await ask(sql));
process.stdout.write(JSON.stringify(answers));
