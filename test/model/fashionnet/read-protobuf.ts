/** A field of a message: its number, and a whole number, a group of 4 bytes, or a message or text. */
export type Field = readonly [field: number, value: number | bigint | Buffer];

/** Reads a protobuf message as its specification has it (protobuf.dev/programming-guides/encoding). */
export function decode(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push([field, Number(varint())]);
    else {
      const length = wire === 5 ? 4 : Number(varint());
      fields.push([field, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}

/** What lies in a field, and in one within it, and so on; the first of each. */
export function find(bytes: Buffer, ...path: readonly number[]): Buffer {
  return path.reduce((message, field) => {
    const value = decode(message).find(([number]) => number === field)?.[1];
    if (!Buffer.isBuffer(value)) throw new Error(`no field ${field}`);
    return value;
  }, bytes);
}
