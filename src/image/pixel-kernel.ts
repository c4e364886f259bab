import { PixlakeError } from '../errors.ts';
import type { Pixels } from './configured-sharp.ts';
import { type ImageAddress, instantiateKernel, isTrap } from './instantiate-kernel.ts';
import type { JpegHeader } from './jpeg-header.ts';
import type { TensorTarget, Place, Plane, Resampling } from './kernel-images.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** What a canvas is for, and what it holds: RGB, planes of 4:2:0 that are encoded, or planes that are all as fine. As in `images.h`. */
const USE = { written: 0, model: 1 } as const;
const KIND = { rgb: 0, subsampled: 1, fine: 2 } as const;

/** Where the fields of `image` and its `plane`s lie (`images.h`), in bytes. */
const IMAGE = { width: 0, height: 4, count: 12, planes: 16, planeBytes: 32 } as const;
const PLANE = { samples: 0, pitch: 4, width: 8, height: 12, scaleX: 16, scaleY: 24 } as const;

interface Decoded {
  readonly bytes: Uint8Array;
  readonly eighths: number;
  readonly isPlanar: boolean;
  readonly image: ImageAddress;
}

/**
 * An instance of the kernel. What it is given that it does not take ends in a `WebAssembly.RuntimeError`; after that the instance must not be
 * used any more. An image lies in its memory until the next call that makes one of its kind.
 */
class PixelKernel {
  readonly #code = instantiateKernel();
  /** What lies decoded, for the next copy of the same image. */
  #last: Decoded | undefined;

  /** Bytes of memory that the instance has taken; they are never given back. */
  get memoryBytes(): number {
    return this.#code.memory.buffer.byteLength;
  }

  /** Decodes a JPEG to RGB at `eighths` eighths of its size (1, 2, 4 or 8), upright by its EXIF orientation. */
  decode(bytes: Uint8Array, eighths: number, header: JpegHeader): ImageAddress {
    const last = this.#lastOf(bytes, eighths, false);
    if (last !== undefined) return last;
    this.#open(bytes, eighths, header);
    const image = this.#code.decode_rgb(header.orientation);
    this.#last = { bytes, eighths, isPlanar: false, image };
    return image;
  }

  /** Decodes an upright JPEG to its planes; `undefined` where it has others than YCbCr. */
  decodePlanes(bytes: Uint8Array, eighths: number, header: JpegHeader): ImageAddress | undefined {
    const last = this.#lastOf(bytes, eighths, true);
    if (last !== undefined) return last;
    this.#open(bytes, eighths, header);
    const image = this.#code.decode_planes();
    if (image === 0) return undefined;
    this.#last = { bytes, eighths, isPlanar: true, image };
    return image;
  }

  #lastOf(bytes: Uint8Array, eighths: number, isPlanar: boolean): ImageAddress | undefined {
    const last = this.#last;
    const isSame = last?.bytes === bytes && last.eighths === eighths && last.isPlanar === isPlanar;
    return isSame ? last.image : undefined;
  }

  #open(bytes: Uint8Array, eighths: number, { width, height }: JpegHeader): void {
    this.#last = undefined;
    this.#bytesAt(this.#code.file(bytes.length), bytes.length).set(bytes);
    this.#code.open_jpeg(bytes.length, eighths, width, height);
  }

  /** Takes the pixels of an image. */
  load({ bytes, width, height }: Pixels): ImageAddress {
    const image = this.#code.load_rgb(width, height);
    this.#samplesOf(image).set(bytes);
    return image;
  }

  /** Makes place for an image that is written or that a model sees; what was in place of the last one of its use and kind is lost. */
  canvas(use: keyof typeof USE, kind: keyof typeof KIND, width: number, height: number): ImageAddress {
    return this.#code.canvas(USE[use], KIND[kind], width, height);
  }

  /** The rows of a box of RGB, to be changed in place; views are good until the memory grows. */
  rowsOf(image: ImageAddress, { left, top, width, height }: Place): Uint8Array[] {
    this.#last = undefined;
    const pitch = this.sizeOf(image).width * 3;
    const samples = this.#samplesOf(image);
    return Array.from({ length: height }, (_, row) => {
      const start = (top + row) * pitch + left * 3;
      return samples.subarray(start, start + width * 3);
    });
  }

  /** Resamples a box of an image to a place on a canvas, both RGB or both planes. What a gray image lacks becomes gray. */
  resample(image: ImageAddress, canvas: ImageAddress, { box, bounds, place, isFlipped }: Resampling): void {
    this.#code.resample(
      image,
      canvas,
      box.left,
      box.top,
      box.width,
      box.height,
      bounds.left,
      bounds.top,
      bounds.width,
      bounds.height,
      place.left,
      place.top,
      place.width,
      place.height,
      isFlipped,
    );
  }

  /** Paints what lies outside of a rectangle of the canvas. */
  pad(canvas: ImageAddress, { left, top, width, height }: Place, [red, green, blue]: Colour): void {
    this.#code.pad(canvas, left, top, width, height, red, green, blue);
  }

  /** Makes RGB of planes that are all as fine. */
  merge(image: ImageAddress, canvas: ImageAddress): void {
    this.#code.merge_rgb(image, canvas);
  }

  /** Encodes RGB, or subsampled planes after they were padded, as baseline JPEG 4:2:0. */
  encode(image: ImageAddress, quality: number): Uint8Array {
    const address = this.#code.encode(image, quality);
    return this.#bytesAt(address, this.#code.encoded_bytes()).slice();
  }

  sizeOf(image: ImageAddress): { readonly width: number; readonly height: number } {
    const view = this.#view(image);
    return { width: view.getInt32(IMAGE.width, true), height: view.getInt32(IMAGE.height, true) };
  }

  /** A copy of RGB that outlives the instance. */
  toPixels(image: ImageAddress): Pixels {
    return { ...this.sizeOf(image), bytes: this.#samplesOf(image).slice() };
  }

  /** Copies of planes, without what lies between their rows. */
  toPlanes(image: ImageAddress): Plane[] {
    return Array.from({ length: this.#view(image).getInt32(IMAGE.count, true) }, (_, index) => {
      const view = this.#view(image + IMAGE.planes + index * IMAGE.planeBytes);
      const [width, height] = [view.getInt32(PLANE.width, true), view.getInt32(PLANE.height, true)];
      const [first, pitch] = [view.getInt32(PLANE.samples, true), view.getInt32(PLANE.pitch, true)];
      const samples = new Uint8Array(width * height);
      for (let row = 0; row < height; row++)
        samples.set(this.#bytesAt(first + row * pitch, width), row * width);
      const [scaleX, scaleY] = [view.getFloat64(PLANE.scaleX, true), view.getFloat64(PLANE.scaleY, true)];
      return { samples, width, height, scaleX, scaleY };
    });
  }

  /**
   * Writes what a model takes for an image, which has the size of the format already.
   *
   * @throws `INTERNAL_ERROR` if there is not room for as many values as the model takes
   */
  toTensor(image: ImageAddress, { format, values }: TensorTarget): void {
    const { width, height, layout, colorOrder, mean, std } = format;
    const valueCount = width * height * 3;
    if (values.length !== valueCount)
      throw new PixlakeError('INTERNAL_ERROR', `the model takes ${valueCount} values, not ${values.length}`);
    const factorOf = (channel: number): number => 1 / (255 * (std[channel] ?? 1));
    const offsetOf = (channel: number): number => 255 * (mean[channel] ?? 0);
    const address = this.#code.to_tensor(
      image,
      factorOf(0),
      offsetOf(0),
      factorOf(1),
      offsetOf(1),
      factorOf(2),
      offsetOf(2),
      layout === 'NCHW',
      colorOrder === 'BGR',
    );
    values.set(new Float32Array(this.#code.memory.buffer, address, values.length));
  }

  /** The samples of RGB, which has no gaps. Views are good until the memory grows. */
  #samplesOf(image: ImageAddress): Uint8Array {
    const { width, height } = this.sizeOf(image);
    const first = this.#view(image + IMAGE.planes).getInt32(PLANE.samples, true);
    return this.#bytesAt(first, width * height * 3);
  }

  #bytesAt(address: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.#code.memory.buffer, address, sizeBytes);
  }

  #view(address: number): DataView {
    return new DataView(this.#code.memory.buffer, address);
  }
}

export type { PixelKernel };

/** An instance that has taken more is given up after its work. */
const MAX_IDLE_BYTES = 256 * 1024 ** 2;

let current: PixelKernel | undefined;

/**
 * Does some work with this thread's kernel. Gives `undefined` where the kernel refuses what it is given: its instance is dropped with all that
 * lies in its memory, so no image can affect the next one.
 */
export function withKernel<Result>(work: (kernel: PixelKernel) => Result): Result | undefined {
  const kernel = current ?? new PixelKernel();
  current = undefined;
  try {
    const result = work(kernel);
    if (kernel.memoryBytes <= MAX_IDLE_BYTES) current = kernel;
    return result;
  } catch (error) {
    if (isTrap(error)) return undefined;
    throw error;
  }
}
