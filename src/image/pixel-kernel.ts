import type { Pixels } from './configured-sharp.ts';
import type { JpegHeader } from './jpeg-header.ts';
import { instantiateKernel, isTrap, type KernelExports } from './instantiate-kernel.ts';

/** A part of the kernel's memory that grows when it has to; its bytes are lost then. */
interface Area {
  address: number;
  sizeBytes: number;
}

/** Where samples of one axis come from: for each output the first input and its weights. */
interface Axis {
  readonly starts: number;
  readonly weights: number;
  readonly taps: number;
}

/** An image in the kernel's memory: `height` rows of `width` RGB triples without gaps. */
export interface KernelImage {
  readonly address: number;
  readonly width: number;
  readonly height: number;
}

/** A part of an image; its sides may lie between pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where a resampled box goes on a canvas, in whole pixels. */
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Images of more pixels, as decoded or as written, are left to sharp, whose memory is given back. */
export const MAX_KERNEL_PIXELS = 4096 * 4096;

class KernelRefusal extends Error {}

/** Weights of so many different axes are kept. */
const MAX_AXES = 256;

/**
 * An instance of the kernel with memory of its own. What it is given that it does not take ends in a `WebAssembly.RuntimeError`; after that the
 * instance must not be used any more. An image lies in its memory until the next call that makes one of its kind.
 */
class PixelKernel {
  readonly #code: KernelExports;
  readonly #axes = new Map<string, Axis>();
  readonly #input: Area = { address: 0, sizeBytes: 0 };
  readonly #decoded: Area = { address: 0, sizeBytes: 0 };
  readonly #upright: Area = { address: 0, sizeBytes: 0 };
  readonly #rows: Area = { address: 0, sizeBytes: 0 };
  readonly #encoded: Area = { address: 0, sizeBytes: 0 };
  readonly #table: Area = { address: 0, sizeBytes: 0 };
  readonly #canvases = { output: { address: 0, sizeBytes: 0 }, model: { address: 0, sizeBytes: 0 } };
  /** What lies decoded, for the next copy of the same image. */
  #last: { readonly bytes: Uint8Array; readonly eighths: number; readonly image: KernelImage } | undefined;

  constructor() {
    this.#code = instantiateKernel();
  }

  /** Bytes of memory that the instance has taken; they are never given back. */
  get memoryBytes(): number {
    return this.#code.memory.buffer.byteLength;
  }

  /** Decodes a JPEG to `eighths` eighths of its size (1, 2, 4 or 8), upright by its EXIF orientation. */
  decode(bytes: Uint8Array, eighths: number, header: JpegHeader): KernelImage {
    if (this.#last?.bytes === bytes && this.#last.eighths === eighths) return this.#last.image;
    this.#last = undefined;
    const image = this.#decode(bytes, eighths, header);
    this.#last = { bytes, eighths, image };
    return image;
  }

  #decode(bytes: Uint8Array, eighths: number, header: JpegHeader): KernelImage {
    const { orientation } = header;
    const input = this.#reserve(this.#input, bytes.length);
    this.#bytesAt(input, bytes.length).set(bytes);
    this.#code.open_jpeg(input, bytes.length);
    this.#code.scale_jpeg(eighths);
    const width = this.#code.jpeg_width();
    const height = this.#code.jpeg_height();
    // Boxes were drawn for the size that the header told.
    const isTold =
      width === Math.ceil((header.width * eighths) / 8) &&
      height === Math.ceil((header.height * eighths) / 8);
    if (!isTold) throw new KernelRefusal('the image has another size than its header told');
    const stored = this.#reserve(this.#decoded, width * height * 3);
    this.#code.decode_jpeg(stored);
    if (orientation === 1) return { address: stored, width, height };
    const upright = this.#reserve(this.#upright, width * height * 3);
    this.#code.orient(stored, width, height, upright, orientation);
    const isSwapped = orientation >= 5;
    return { address: upright, width: isSwapped ? height : width, height: isSwapped ? width : height };
  }

  /** Takes pixels into the place of a decoded image. */
  load({ bytes: pixels, width, height }: Pixels): KernelImage {
    this.#last = undefined;
    const address = this.#reserve(this.#decoded, pixels.length);
    this.#bytesAt(address, pixels.length).set(pixels);
    return { address, width, height };
  }

  /** Replaces each byte of a whole-numbered box by what the table of 256 has for it. */
  lookUp(image: KernelImage, box: Place, table: Uint8Array): void {
    this.#last = undefined;
    const address = this.#reserve(this.#table, table.length);
    this.#bytesAt(address, table.length).set(table);
    const pitch = image.width * 3;
    const first = image.address + box.top * pitch + box.left * 3;
    this.#code.look_up(first, pitch, box.width * 3, box.height, address);
  }

  /** Resamples a box of an image to a place on a canvas, mirrored on demand. Only what lies within the bounds has an influence. */
  resample(
    image: KernelImage,
    box: Box,
    bounds: Place,
    canvas: KernelImage,
    place: Place,
    isFlipped: boolean,
  ): void {
    const { width, height } = place;
    const rowCount = bounds.height;
    this.#makeRoomForAxes(2);
    const across = this.#axis(bounds.width, box.left - bounds.left, box.width, width, isFlipped);
    const down = this.#axis(rowCount, box.top - bounds.top, box.height, height, false);
    // An odd number of cache lines: rows then fall on different ones.
    const rowBytes = (Math.ceil((width * 6 + 2) / 64) * 64) | 64;
    const rows = this.#reserve(this.#rows, (rowCount + down.taps) * rowBytes);
    const pitch = image.width * 3;
    const first = image.address + bounds.top * pitch + bounds.left * 3;
    this.#code.resample_rows(
      first,
      pitch,
      rowCount,
      across.starts,
      across.weights,
      across.taps,
      width,
      rows,
      rowBytes,
    );
    this.#code.resample_columns(
      rows,
      rowBytes,
      down.starts,
      down.weights,
      down.taps,
      height,
      width * 3,
      canvas.address + (place.top * canvas.width + place.left) * 3,
      canvas.width * 3,
    );
  }

  /** Paints what lies outside of a rectangle of the canvas. */
  pad(canvas: KernelImage, inner: Place, [red, green, blue]: readonly [number, number, number]): void {
    const { address, width, height } = canvas;
    this.#code.pad(
      address,
      width,
      height,
      inner.left,
      inner.top,
      inner.width,
      inner.height,
      red,
      green,
      blue,
    );
  }

  /** Makes place for an image of one of two uses. */
  canvas(use: 'output' | 'model', width: number, height: number): KernelImage {
    return { address: this.#reserve(this.#canvases[use], width * height * 3), width, height };
  }

  /** A copy of an image that outlives the instance. */
  toPixels({ address, width, height }: KernelImage): Pixels {
    return { bytes: this.#bytesAt(address, width * height * 3).slice(), width, height };
  }

  /** Encodes an image as baseline JPEG 4:2:0. */
  encode({ address, width, height }: KernelImage, quality: number): Uint8Array {
    // Nothing that the DCT gives takes more than twice the bytes of the pixels.
    const capacityBytes = width * height * 6 + 65_536;
    const encoded = this.#reserve(this.#encoded, capacityBytes);
    const sizeBytes = this.#code.encode_jpeg(address, width, height, quality, encoded, capacityBytes);
    return this.#bytesAt(encoded, sizeBytes).slice();
  }

  #bytesAt(address: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.#code.memory.buffer, address, sizeBytes);
  }

  #reserve(area: Area, sizeBytes: number): number {
    if (sizeBytes > area.sizeBytes || area.address === 0) {
      area.address = this.#code.reserve(area.address, sizeBytes);
      area.sizeBytes = sizeBytes;
    }
    return area.address;
  }

  /** All at once and before any is used: those of one image are needed together. */
  #makeRoomForAxes(count: number): void {
    if (this.#axes.size + count <= MAX_AXES) return;
    for (const { starts } of this.#axes.values()) this.#code.release(starts);
    this.#axes.clear();
  }

  #axis(samples: number, offset: number, length: number, count: number, isFlipped: boolean): Axis {
    const key = `${samples} ${offset} ${length} ${count} ${isFlipped}`;
    const known = this.#axes.get(key);
    if (known !== undefined) return known;
    const taps = this.#code.count_taps(length, count);
    const starts = this.#code.reserve(0, count * 4 + count * taps * 2);
    const weights = starts + count * 4;
    this.#code.fill_weights(starts, weights, samples, offset, length, count, isFlipped ? 1 : 0);
    const axis = { starts, weights, taps };
    this.#axes.set(key, axis);
    return axis;
  }
}

export type { PixelKernel };

/** An instance that has taken more is given up after its work. */
const MAX_IDLE_BYTES = 256 * 1024 ** 2;

let current: PixelKernel | undefined;

/**
 * Does some work with this thread's kernel. Gives `undefined` where the kernel refuses what it is given: its instance is dropped with all that
 * lies in its memory, so that no image can do harm to the next one.
 */
export function withKernel<Result>(work: (kernel: PixelKernel) => Result): Result | undefined {
  const kernel = current ?? new PixelKernel();
  current = undefined;
  try {
    const result = work(kernel);
    if (kernel.memoryBytes <= MAX_IDLE_BYTES) current = kernel;
    return result;
  } catch (error) {
    if (isTrap(error) || error instanceof KernelRefusal) return undefined;
    throw error;
  }
}
