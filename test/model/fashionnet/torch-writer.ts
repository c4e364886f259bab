import { crc32 } from 'node:zlib';

/** float32 weights of a checkpoint. */
export interface CheckpointTensor {
  readonly dims: readonly number[];
  readonly bytes: Buffer;
}

/** Writes a state dict as `torch.save` does: a stored zip archive with a pickle of protocol 2 and raw weights. */
export function writeCheckpoint(tensors: Readonly<Record<string, CheckpointTensor>>): Buffer {
  const entries: Record<string, Buffer> = {};
  const items = Object.entries(tensors).map(([name, { dims, bytes }], index) => {
    entries[`net/data/${index}`] = bytes;
    const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));
    return Buffer.concat([
      text(name),
      code('ctorch._utils\n_rebuild_tensor_v2\n(('),
      text('storage'),
      code('ctorch\nFloatStorage\n'),
      text(String(index)),
      text('cpu'),
      integer(bytes.length / 4),
      code('tQ'),
      integer(0),
      tuple(dims),
      tuple(strides),
      // requires_grad False, and no backward hooks: OrderedDict().
      code('\x89ccollections\nOrderedDict\n)RtR'),
    ]);
  });
  const pickle = Buffer.concat([code('\x80\x02}('), ...items, code('u.')]);
  return writeZip({ 'net/data.pkl': pickle, ...entries });
}

/** Writes a zip archive whose entries are stored as they are (PKWARE APPNOTE 6.3). */
export function writeZip(entries: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([code('PK\x03\x04'), common, code(name), bytes]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([code('PK\x01\x02\x14\0'), common, tail, code(name)]));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, central, end]);
}

function code(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5);
  head.write('X', 'latin1');
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write('J', 'latin1');
  bytes.writeInt32LE(value, 1);
  return bytes;
}

function tuple(values: readonly number[]): Buffer {
  return Buffer.concat([code('('), ...values.map(integer), code('t')]);
}
