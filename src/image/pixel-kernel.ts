import type { Pixels } from './configured-sharp.ts';
import { isTrap } from './instantiate-kernel.ts';
import { KernelDecoder, KernelRefusal } from './kernel-decoder.ts';
import type { KernelImage, Place, PlanarImage, Plane, Resampling, TensorFormat } from './kernel-images.ts';
import { type Axis, KernelMemory } from './kernel-memory.ts';
import { type PlannedAxis, planAxes } from './plan-axis.ts';

type Colour = readonly [red: number, green: number, blue: number];

/** An odd number of cache lines: rows then fall on different ones. */
const rowSize = (bytes: number): number => (Math.ceil(bytes / 64) * 64) | 64;

/** How one plane is brought to another. */
interface PlaneAxes {
  readonly across: PlannedAxis;
  readonly down: PlannedAxis;
  readonly weights: readonly [across: Axis, down: Axis];
}

function isAlike(one: Plane, other: Plane): boolean {
  const isAsFine = one.scaleX === other.scaleX && one.scaleY === other.scaleY;
  return isAsFine && one.width === other.width && one.height === other.height;
}

/**
 * An instance of the kernel. What it is given that it does not take ends in a `WebAssembly.RuntimeError`; after that the instance must not be
 * used any more. An image lies in its memory until the next call that makes one of its kind.
 */
class PixelKernel {
  readonly #memory = new KernelMemory();
  readonly #code = this.#memory.code;
  readonly jpeg = new KernelDecoder(this.#memory);
  /** The last one of each use: most images of a run are of one size. */
  readonly #canvases = new Map<'planes' | 'model-planes', PlanarImage>();

  get memoryBytes(): number {
    return this.#memory.sizeBytes;
  }

  /** Takes pixels into the place of a decoded image. */
  load({ bytes: pixels, width, height }: Pixels): KernelImage {
    this.jpeg.forget();
    return { address: this.#memory.put('decoded', pixels), width, height };
  }

  /** Replaces each byte of a whole-numbered box by what the table of 256 has for it. */
  lookUp(image: KernelImage, box: Place, table: Uint8Array): void {
    this.jpeg.forget();
    const pitch = image.width * 3;
    const first = image.address + box.top * pitch + box.left * 3;
    this.#code.look_up(first, pitch, box.width * 3, box.height, this.#memory.put('table', table));
  }

  /** Resamples a box of an image to a place on a canvas. */
  resample(image: KernelImage, canvas: KernelImage, resampling: Resampling): void {
    const source = { width: image.width, height: image.height, scaleX: 1, scaleY: 1 };
    const [across, down] = planAxes(source, { scaleX: 1, scaleY: 1 }, resampling);
    const [columns, rows] = this.#memory.axes(across, down);
    const pitch = image.width * 3;
    const rowBytes = rowSize(across.count * 6 + 2);
    const between = this.#memory.reserve('rows', (down.samples + rows.taps) * rowBytes);
    this.#code.resample_rows(
      image.address + down.firstInput * pitch + across.firstInput * 3,
      pitch,
      down.samples,
      columns.starts,
      columns.weights,
      columns.taps,
      across.count,
      between,
      rowBytes,
    );
    this.#code.resample_columns(
      between,
      rowBytes,
      rows.starts,
      rows.weights,
      rows.taps,
      down.count,
      across.count * 3,
      canvas.address + (down.firstOutput * canvas.width + across.firstOutput) * 3,
      canvas.width * 3,
    );
  }

  /** The same for planes; what a gray image lacks becomes gray. */
  resamplePlanes(image: PlanarImage, canvas: PlanarImage, resampling: Resampling): void {
    let planned: { readonly source: Plane; readonly target: Plane; readonly axes: PlaneAxes } | undefined;
    for (const [index, target] of canvas.planes.entries()) {
      const source = image.planes[index];
      if (source === undefined) {
        this.#memory.bytesAt(target.address, target.pitch * target.height).fill(128);
        continue;
      }
      // Both planes of chroma mostly have the same axes.
      if (planned === undefined || !isAlike(planned.source, source) || !isAlike(planned.target, target)) {
        const [across, down] = planAxes(source, target, resampling);
        planned = { source, target, axes: { across, down, weights: this.#memory.axes(across, down) } };
      }
      this.#resamplePlane(source, target, planned.axes);
    }
  }

  #resamplePlane(source: Plane, target: Plane, { across, down, weights: [columns, rows] }: PlaneAxes): void {
    const rowBytes = rowSize(across.count * 2 + 14);
    const between = this.#memory.reserve('rows', (down.samples + 8 + rows.taps) * rowBytes);
    this.#code.resample_plane_rows(
      source.address + down.firstInput * source.pitch + across.firstInput,
      source.pitch,
      down.samples,
      across.samples,
      columns.starts,
      columns.weights,
      columns.taps,
      across.count,
      between,
      rowBytes,
      this.#memory.reserve('columns', (across.samples + 8 + columns.taps) * 16),
    );
    this.#code.resample_columns(
      between,
      rowBytes,
      rows.starts,
      rows.weights,
      rows.taps,
      down.count,
      across.count,
      target.address + down.firstOutput * target.pitch + across.firstOutput,
      target.pitch,
    );
  }

  /** Paints what lies outside of a rectangle of the canvas. */
  pad({ address, width, height }: KernelImage, inner: Place, [red, green, blue]: Colour): void {
    const { left, top } = inner;
    this.#code.pad(address, width, height, left, top, inner.width, inner.height, red, green, blue);
  }

  /** The same for planes, which it also extends to the whole blocks that are encoded. */
  padPlanes(canvas: PlanarImage, inner: Place, [red, green, blue]: Colour): void {
    const { width, height, planes } = canvas;
    // JFIF: https://www.w3.org/Graphics/JPEG/jfif3.pdf
    const values = [
      0.299 * red + 0.587 * green + 0.114 * blue,
      128 - 0.168736 * red - 0.331264 * green + 0.5 * blue,
      128 + 0.5 * red - 0.418688 * green - 0.081312 * blue,
    ];
    const [right, bottom] = [inner.left + inner.width, inner.top + inner.height];
    for (const [index, { address, pitch, scaleX, scaleY, height: rows }] of planes.entries()) {
      const value = Math.min(255, Math.round(values[index] ?? 0));
      const wholeRows = Math.ceil(rows / (16 * scaleY)) * 16 * scaleY;
      this.#code.frame_plane(
        address,
        pitch,
        wholeRows,
        1 / scaleX,
        width,
        height,
        inner.left,
        inner.top,
        right,
        bottom,
        value,
      );
    }
  }

  /** Makes place for an image of one of two uses. */
  canvas(name: 'canvas' | 'model-canvas', width: number, height: number): KernelImage {
    return { address: this.#memory.reserve(name, width * height * 3), width, height };
  }

  /** Makes place for an image in planes: 4:2:0 as `planes.h` has it, or with chroma as fine as luma. */
  planarCanvas(name: 'planes' | 'model-planes', width: number, height: number, scale: 0.5 | 1): PlanarImage {
    const pitch = Math.ceil(width / 16) * 16;
    const sizeBytes = pitch * Math.ceil(height / 16) * 16;
    const address = this.#memory.reserve(name, sizeBytes * (1 + 2 * scale ** 2));
    const last = this.#canvases.get(name);
    if (last?.width === width && last.height === height && last.planes[0]?.address === address) return last;
    const luma = { address, pitch, width, height, scaleX: 1, scaleY: 1 };
    const chroma = {
      pitch: pitch * scale,
      width: Math.ceil(width * scale),
      height: Math.ceil(height * scale),
      scaleX: scale,
      scaleY: scale,
    };
    const blue = { ...chroma, address: address + sizeBytes };
    const red = { ...chroma, address: blue.address + sizeBytes * scale ** 2 };
    const canvas = { width, height, planes: [luma, blue, red] };
    this.#canvases.set(name, canvas);
    return canvas;
  }

  /** Makes RGB of planes that are all as fine. */
  merge(image: PlanarImage, canvas: KernelImage): void {
    const [luma, blue, red] = image.planes;
    const addresses = [luma?.address ?? 0, blue?.address ?? 0, red?.address ?? 0] as const;
    this.#code.merge_rgb(...addresses, luma?.pitch ?? 0, image.width, image.height, canvas.address);
  }

  /** A copy of an image that outlives the instance. */
  toPixels({ address, width, height }: KernelImage): Pixels {
    return { bytes: this.#memory.bytesAt(address, width * height * 3).slice(), width, height };
  }

  /** The same for each plane, without what lies between its rows. */
  toPlanes({ planes }: PlanarImage): Uint8Array[] {
    return planes.map(({ address, pitch, width, height }) => {
      const samples = new Uint8Array(width * height);
      for (let row = 0; row < height; row++)
        samples.set(this.#memory.bytesAt(address + row * pitch, width), row * width);
      return samples;
    });
  }

  /** Writes `(value / 255 - mean) / std` of each value to `target`, in the order that the format tells. */
  toTensor(
    { address, width, height }: KernelImage,
    { layout, colorOrder, mean, std }: TensorFormat,
    target: Float32Array,
  ): void {
    const scales = Float32Array.from(
      std.flatMap((deviation, channel) => [1 / (255 * deviation), 255 * (mean[channel] ?? 0)]),
    );
    const memory = this.#memory;
    const scaleAddress = memory.put('scales', new Uint8Array(scales.buffer));
    const tensor = memory.reserve('tensor', target.byteLength);
    const [isPlanar, isReversed] = [layout === 'NCHW', colorOrder === 'BGR'];
    this.#code.to_tensor(address, width * height, scaleAddress, isPlanar, isReversed, tensor);
    target.set(new Float32Array(memory.code.memory.buffer, tensor, target.length));
  }

  /** Encodes an image as baseline JPEG 4:2:0. */
  encode({ address, width, height }: KernelImage, quality: number): Uint8Array {
    const planes = this.planarCanvas('planes', width, height, 0.5);
    this.#code.split_rgb(address, width, height, planes.planes[0]?.address ?? 0);
    return this.encodePlanes(planes, quality);
  }

  /** Encodes a planar canvas of 4:2:0 after it was padded. */
  encodePlanes({ width, height, planes }: PlanarImage, quality: number): Uint8Array {
    // Twice the bytes of the pixels: only noise at the highest quality takes more, which is refused.
    const capacityBytes = width * height * 6 + 65_536;
    const encoded = this.#memory.reserve('encoded', capacityBytes);
    const luma = planes[0]?.address ?? 0;
    const sizeBytes = this.#code.encode_planes(luma, width, height, quality, encoded, capacityBytes);
    return this.#memory.bytesAt(encoded, sizeBytes).slice();
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
