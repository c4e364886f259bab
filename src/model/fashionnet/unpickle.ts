import { PixlakeError } from '../../errors.ts';
import { rebuild, toGlobal, toStorage, type Unpickled } from './pickled-values.ts';

/** Opcodes of Python's pickletools, protocols 2 to 4, as far as state dicts use them. */
const OP = {
  mark: 0x28,
  stop: 0x2e,
  binFloat: 0x47,
  binInt: 0x4a,
  binInt1: 0x4b,
  binInt2: 0x4d,
  none: 0x4e,
  binPersistentId: 0x51,
  reduce: 0x52,
  binUnicode: 0x58,
  emptyList: 0x5d,
  append: 0x61,
  build: 0x62,
  global: 0x63,
  appends: 0x65,
  binGet: 0x68,
  longBinGet: 0x6a,
  binPut: 0x71,
  longBinPut: 0x72,
  setItem: 0x73,
  tuple: 0x74,
  setItems: 0x75,
  emptyDict: 0x7d,
  emptyTuple: 0x29,
  protocol: 0x80,
  tuple1: 0x85,
  tuple2: 0x86,
  tuple3: 0x87,
  true: 0x88,
  false: 0x89,
  long1: 0x8a,
  shortBinUnicode: 0x8c,
  stackGlobal: 0x93,
  memoize: 0x94,
  frame: 0x95,
} as const;

/**
 * Reads the pickle of a torch checkpoint as data: classes and functions other than those that rebuild tensors are
 * refused by name, and no code runs.
 *
 * @throws `CHECKPOINT_INVALID`
 */
export function unpickle(bytes: Buffer): Unpickled {
  try {
    return new Unpickler(bytes).read();
  } catch (error) {
    if (error instanceof PixlakeError) throw error;
    // Reads past the end and other results of a damaged file.
    throw new PixlakeError('CHECKPOINT_INVALID', 'the pickle in the checkpoint is damaged', { cause: error });
  }
}

class Unpickler {
  readonly #bytes: Buffer;
  readonly #stack: Unpickled[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Unpickled>();
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): Unpickled {
    for (;;) {
      const op = this.#byte();
      if (op === OP.stop) return this.#pop();
      if (!this.#pushConstant(op) && !this.#pushContainer(op) && !this.#useMemo(op)) this.#call(op);
    }
  }

  #pushConstant(op: number): boolean {
    switch (op) {
      case OP.none:
        return this.#push(null);
      case OP.true:
        return this.#push(true);
      case OP.false:
        return this.#push(false);
      case OP.binInt1:
        return this.#push(this.#byte());
      case OP.binInt2:
        return this.#push(this.#take(2).readUInt16LE());
      case OP.binInt:
        return this.#push(this.#take(4).readInt32LE());
      case OP.long1:
        return this.#push(toInteger(this.#take(this.#byte())));
      case OP.binFloat:
        return this.#push(this.#take(8).readDoubleBE());
      case OP.binUnicode:
        return this.#push(this.#take(this.#take(4).readUInt32LE()).toString('utf8'));
      case OP.shortBinUnicode:
        return this.#push(this.#take(this.#byte()).toString('utf8'));
      default:
        return false;
    }
  }

  #pushContainer(op: number): boolean {
    switch (op) {
      case OP.emptyDict:
        return this.#push(new Map());
      case OP.emptyList:
      case OP.emptyTuple:
        return this.#push([]);
      case OP.tuple:
        return this.#push(this.#popMark());
      case OP.tuple1:
        return this.#push(this.#popMany(1));
      case OP.tuple2:
        return this.#push(this.#popMany(2));
      case OP.tuple3:
        return this.#push(this.#popMany(3));
      case OP.append:
        return this.#extend(this.#popMany(1));
      case OP.appends:
        return this.#extend(this.#popMark());
      case OP.setItem:
        return this.#setItems(this.#popMany(2));
      case OP.setItems:
        return this.#setItems(this.#popMark());
      default:
        return false;
    }
  }

  #useMemo(op: number): boolean {
    switch (op) {
      case OP.binPut:
        return this.#memoize(this.#byte());
      case OP.longBinPut:
        return this.#memoize(this.#take(4).readUInt32LE());
      case OP.memoize:
        return this.#memoize(this.#memo.size);
      case OP.binGet:
        return this.#push(this.#recall(this.#byte()));
      case OP.longBinGet:
        return this.#push(this.#recall(this.#take(4).readUInt32LE()));
      default:
        return false;
    }
  }

  #call(op: number): void {
    switch (op) {
      case OP.protocol:
        this.#byte();
        return;
      case OP.frame:
        this.#take(8);
        return;
      case OP.mark:
        this.#marks.push(this.#stack.length);
        return;
      case OP.global:
        this.#push(toGlobal(`${this.#line()}.${this.#line()}`));
        return;
      case OP.stackGlobal:
        this.#push(toGlobal((this.#popMany(2) as string[]).join('.')));
        return;
      case OP.binPersistentId:
        this.#push(toStorage(this.#pop()));
        return;
      case OP.reduce:
        this.#push(rebuild(...(this.#popMany(2) as [Unpickled, Unpickled])));
        return;
      case OP.build:
        // Attributes of an object, such as the versions of modules, are not needed.
        this.#pop();
        return;
      default:
        throw new PixlakeError(
          'CHECKPOINT_INVALID',
          `the pickle contains opcode 0x${op.toString(16)}, which state dicts do not use`,
        );
    }
  }

  #byte(): number {
    return this.#take(1).readUInt8();
  }

  #take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new RangeError('the pickle is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw new RangeError('the pickle is cut off');
    const line = this.#take(end - this.#at).toString('utf8');
    this.#at += 1;
    return line;
  }

  #push(value: Unpickled): true {
    this.#stack.push(value);
    return true;
  }

  #pop(): Unpickled {
    const [value] = this.#popMany(1);
    return value ?? null;
  }

  #popMany(count: number): Unpickled[] {
    if (this.#stack.length < count) throw new RangeError('the pickle takes more than it gave');
    return this.#stack.splice(-count);
  }

  #popMark(): Unpickled[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new RangeError('the pickle lacks a mark');
    return this.#stack.splice(mark);
  }

  #extend(items: readonly Unpickled[]): true {
    (this.#stack.at(-1) as Unpickled[]).push(...items);
    return true;
  }

  #setItems(items: readonly Unpickled[]): true {
    const target = this.#stack.at(-1) as Map<Unpickled, Unpickled>;
    for (let index = 0; index < items.length; index += 2)
      target.set(items[index] ?? null, items[index + 1] ?? null);
    return true;
  }

  #memoize(index: number): true {
    this.#memo.set(index, this.#stack.at(-1) ?? null);
    return true;
  }

  #recall(index: number): Unpickled {
    const value = this.#memo.get(index);
    if (value === undefined) throw new RangeError('the pickle refers to nothing');
    return value;
  }
}

/** Two's complement, lowest byte first. */
function toInteger(bytes: Buffer): number {
  if (bytes.length === 0) return 0;
  const digits = Buffer.from(bytes.toReversed()).toString('hex');
  return Number(BigInt.asIntN(8 * bytes.length, BigInt(`0x${digits}`)));
}
