// Reads tables that others wrote, in one process. Standard input is `{ library, lake, tables: { name: path }, output }`; each table is
// attached, written to `<output>/<name>.parquet` and verified deeply. Standard output has for each name its `error` or its `problems`.
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const { library, lake, tables, output } = JSON.parse(await text(process.stdin));
const { openLakehouse } = await import(pathToFileURL(library).href);
const lakehouse = openLakehouse({ lake });

async function read(name, path) {
  try {
    await lakehouse.tables.attach(name, path);
    await lakehouse.queryToParquet(`SELECT * FROM "${name}"`, join(output, `${name}.parquet`));
    return { problems: (await lakehouse.tables.verify(name, true)).problems };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

const answers = {};
for (const [name, path] of Object.entries(tables)) answers[name] = await read(name, path);
process.stdout.write(JSON.stringify(answers));
