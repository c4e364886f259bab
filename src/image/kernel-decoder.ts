import type { JpegHeader } from './jpeg-header.ts';
import type { KernelImage, PlanarImage } from './kernel-images.ts';
import type { KernelMemory } from './kernel-memory.ts';

/** An image is not what its header told. */
export class KernelRefusal extends Error {}

/** Decodes JPEGs in the kernel's memory; each lies there until the next one. */
export class KernelDecoder {
  readonly #memory: KernelMemory;
  readonly #code: KernelMemory['code'];
  /** What lies decoded, for the next copy of the same image. */
  #last:
    | { readonly bytes: Uint8Array; readonly eighths: number; readonly image: KernelImage | PlanarImage }
    | undefined;

  constructor(memory: KernelMemory) {
    this.#memory = memory;
    this.#code = memory.code;
  }

  /** Has what lies decoded not be used again, since it was changed. */
  forget(): void {
    this.#last = undefined;
  }

  /** Decodes a JPEG to `eighths` eighths of its size (1, 2, 4 or 8), upright by its EXIF orientation. */
  decode(bytes: Uint8Array, eighths: number, header: JpegHeader): KernelImage {
    const last = this.#decoded(bytes, eighths);
    if (last !== undefined && 'address' in last) return last;
    const { width, height } = this.#open(bytes, eighths, header);
    const stored = this.#memory.reserve('decoded', width * height * 3);
    this.#code.decode_jpeg(stored);
    const image = this.#turn({ address: stored, width, height }, header.orientation);
    this.#last = { bytes, eighths, image };
    return image;
  }

  /** Decodes an upright JPEG to its planes; `undefined` where it has others than YCbCr. */
  decodePlanes(bytes: Uint8Array, eighths: number, header: JpegHeader): PlanarImage | undefined {
    const last = this.#decoded(bytes, eighths);
    if (last !== undefined && 'planes' in last) return last;
    const { width, height } = this.#open(bytes, eighths, header);
    const code = this.#code;
    const count = code.plane_count();
    if (count === 0) return undefined;
    // Eight rows at once are resampled, of which the last ones may lie behind the plane.
    const sizes = Array.from(
      { length: count },
      (_, index) => code.plane_pitch(index) * (code.plane_rows(index) + 8),
    );
    let address = this.#memory.reserve(
      'decoded',
      sizes.reduce((sum, size) => sum + size),
    );
    const planes = sizes.map((size, index) => {
      const plane = {
        address,
        pitch: code.plane_pitch(index),
        width: code.plane_width(index),
        height: code.plane_height(index),
        scaleX: code.plane_scale_x(index),
        scaleY: code.plane_scale_y(index),
      };
      address += size;
      return plane;
    });
    const [luma, blue, red] = planes.map((plane) => plane.address);
    code.decode_planes(luma ?? 0, blue ?? 0, red ?? 0);
    const image = { width, height, planes };
    this.#last = { bytes, eighths, image };
    return image;
  }

  #decoded(bytes: Uint8Array, eighths: number): KernelImage | PlanarImage | undefined {
    return this.#last?.bytes === bytes && this.#last.eighths === eighths ? this.#last.image : undefined;
  }

  #open(bytes: Uint8Array, eighths: number, header: JpegHeader): { width: number; height: number } {
    this.#last = undefined;
    this.#code.open_jpeg(this.#memory.put('file', bytes), bytes.length, eighths);
    const width = this.#code.jpeg_width();
    const height = this.#code.jpeg_height();
    // Boxes were drawn for the size that the header told.
    const isTold =
      width === Math.ceil((header.width * eighths) / 8) &&
      height === Math.ceil((header.height * eighths) / 8);
    if (!isTold) throw new KernelRefusal('the image has another size than its header told');
    return { width, height };
  }

  #turn(image: KernelImage, orientation: number): KernelImage {
    if (orientation === 1) return image;
    const { address, width, height } = image;
    const upright = this.#memory.reserve('upright', width * height * 3);
    this.#code.orient(address, width, height, upright, orientation);
    const isSwapped = orientation >= 5;
    return { address: upright, width: isSwapped ? height : width, height: isSwapped ? width : height };
  }
}
