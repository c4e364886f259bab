import { Data, Field, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from 'apache-arrow';
import { arrowCodec } from './arrow-codec.ts';
import type { RowBatches } from '../duckdb/result-stream.ts';

/**
 * Writes a result as an Arrow IPC stream (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format): the schema, then a
 * record batch for each batch, with the types of `arrowCodec`.
 */
export async function* encodeArrow(batches: RowBatches): AsyncGenerator<Uint8Array> {
  const codecs = batches.columns.map(({ type }) => arrowCodec(type));
  const schema = new Schema(
    batches.columns.map(({ name }, index) => new Field(name, codecs[index]?.type ?? new Struct([]), true)),
  );
  const rowType = new Struct(schema.fields);
  const writer = new PullWriter();
  writer.reset(undefined, schema);
  yield writer.takeBytes();
  for await (const batch of batches) {
    const values = batch.getColumns();
    const children = codecs.map((codec, index) => codec.build(values[index] ?? []));
    writer.write(new RecordBatch(schema, new Data(rowType, 0, batch.rowCount, 0, {}, children)));
    yield writer.takeBytes();
  }
  writer.finish();
  yield writer.takeBytes();
}

/** Keeps written bytes until they are read. The writer's own stream would take batches faster than they are read. */
class PullWriter extends RecordBatchStreamWriter {
  #parts: Uint8Array[] = [];

  takeBytes(): Uint8Array {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return bytes;
  }

  protected override _write(part: ArrayBufferView): this {
    this.#parts.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    return this;
  }
}
