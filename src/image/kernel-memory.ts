import { instantiateKernel, type KernelExports } from './instantiate-kernel.ts';

/** What the kernel's memory holds, one of each; see where it is used. */
export type AreaName =
  | 'file'
  | 'decoded'
  | 'upright'
  | 'table'
  | 'scales'
  | 'tensor'
  | 'columns'
  | 'rows'
  | 'canvas'
  | 'planes'
  | 'model-canvas'
  | 'model-planes'
  | 'encoded';

/** Where samples of one axis come from: for each output the first input and its weights, at addresses in the kernel's memory. */
export interface Axis {
  readonly starts: number;
  readonly weights: number;
  readonly taps: number;
}

/** Outputs of one axis: the place of the first one's centre among `samples` inputs, and how far apart they are. See `fill_weights`. */
export interface AxisPlan {
  readonly samples: number;
  readonly centre: number;
  readonly step: number;
  readonly count: number;
}

/** Weights of so many different axes are kept: most of those of a run over images of one size. */
const MAX_AXES = 1024;

/** An instance of the kernel and who has which part of its memory. */
export class KernelMemory {
  readonly code: KernelExports;
  readonly #areas = new Map<AreaName, { readonly address: number; readonly sizeBytes: number }>();
  /** By a number that few plans share. */
  readonly #axes = new Map<number, readonly (Axis & { readonly plan: AxisPlan })[]>();
  #axisCount = 0;

  constructor() {
    this.code = instantiateKernel();
  }

  /** Bytes of memory that the instance has taken; they are never given back. */
  get sizeBytes(): number {
    return this.code.memory.buffer.byteLength;
  }

  /** The address of an area of at least a size; when it has to grow, what it held is lost. */
  reserve(name: AreaName, sizeBytes: number): number {
    const area = this.#areas.get(name);
    if (area !== undefined && area.sizeBytes >= sizeBytes) return area.address;
    const address = this.code.reserve(area?.address ?? 0, sizeBytes);
    this.#areas.set(name, { address, sizeBytes });
    return address;
  }

  /** Copies bytes into an area and gives its address. */
  put(name: AreaName, bytes: Uint8Array): number {
    const address = this.reserve(name, bytes.length);
    this.bytesAt(address, bytes.length).set(bytes);
    return address;
  }

  /** A view that is good until the memory grows. */
  bytesAt(address: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.code.memory.buffer, address, sizeBytes);
  }

  /** Weights of both axes of an image. They stay until the next call. */
  axes(across: AxisPlan, down: AxisPlan): [Axis, Axis] {
    if (this.#axisCount + 2 > MAX_AXES) {
      for (const axes of this.#axes.values()) for (const { starts } of axes) this.code.release(starts);
      this.#axes.clear();
      this.#axisCount = 0;
    }
    return [this.#axis(across), this.#axis(down)];
  }

  #axis(plan: AxisPlan): Axis {
    const { samples, centre, step, count } = plan;
    // Strings of the numbers would take longer to make than all else that is done here.
    const key = samples + centre / 64 + step * 4096;
    const similar = this.#axes.get(key) ?? [];
    const known = similar.find(({ plan: other }) => isSamePlan(plan, other));
    if (known !== undefined) return known;
    const taps = this.code.count_taps(step);
    const starts = this.code.reserve(0, count * 4 + count * taps * 2);
    const weights = starts + count * 4;
    this.code.fill_weights(starts, weights, samples, centre, step, count);
    const axis = { starts, weights, taps, plan: { samples, centre, step, count } };
    this.#axes.set(key, [...similar, axis]);
    this.#axisCount += 1;
    return axis;
  }
}

function isSamePlan(one: AxisPlan, other: AxisPlan): boolean {
  return (
    one.samples === other.samples &&
    one.centre === other.centre &&
    one.step === other.step &&
    one.count === other.count
  );
}
