import { readFileSync } from 'node:fs';

/** What is used of the global of that name, which Node's types lack. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: KernelExports };
  readonly RuntimeError: new () => Error;
};

/** Functions of `pixels.wasm`; addresses and sizes are numbers in its memory. See the C sources in `kernel/`. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize(): void;
  reserve(old: number, sizeBytes: number): number;
  release(area: number): void;
  open_jpeg(bytes: number, sizeBytes: number, eighths: number): void;
  jpeg_width(): number;
  jpeg_height(): number;
  decode_jpeg(pixels: number): void;
  plane_count(): number;
  plane_width(index: number): number;
  plane_height(index: number): number;
  plane_pitch(index: number): number;
  plane_rows(index: number): number;
  plane_scale_x(index: number): number;
  plane_scale_y(index: number): number;
  decode_planes(luma: number, blue: number, red: number): void;
  split_rgb(pixels: number, width: number, height: number, luma: number): void;
  merge_rgb(
    luma: number,
    blue: number,
    red: number,
    pitch: number,
    width: number,
    height: number,
    pixels: number,
  ): void;
  frame_plane(
    plane: number,
    pitch: number,
    rows: number,
    step: number,
    width: number,
    height: number,
    left: number,
    top: number,
    right: number,
    bottom: number,
    value: number,
  ): void;
  encode_planes(
    luma: number,
    width: number,
    height: number,
    quality: number,
    bytes: number,
    capacityBytes: number,
  ): number;
  count_taps(step: number): number;
  fill_weights(
    starts: number,
    weights: number,
    samples: number,
    centre: number,
    step: number,
    count: number,
  ): void;
  resample_rows(
    pixels: number,
    pitch: number,
    rowCount: number,
    starts: number,
    weights: number,
    taps: number,
    count: number,
    rows: number,
    rowBytes: number,
  ): void;
  resample_plane_rows(
    pixels: number,
    pitch: number,
    rowCount: number,
    samples: number,
    starts: number,
    weights: number,
    taps: number,
    count: number,
    rows: number,
    rowBytes: number,
    columns: number,
  ): void;
  resample_columns(
    rows: number,
    rowBytes: number,
    starts: number,
    weights: number,
    taps: number,
    height: number,
    bytes: number,
    pixels: number,
    pitch: number,
  ): void;
  look_up(pixels: number, pitch: number, bytes: number, height: number, table: number): void;
  orient(from: number, width: number, height: number, to: number, orientation: number): void;
  pad(
    pixels: number,
    width: number,
    height: number,
    left: number,
    top: number,
    innerWidth: number,
    innerHeight: number,
    red: number,
    green: number,
    blue: number,
  ): void;
  to_tensor(
    pixels: number,
    count: number,
    scales: number,
    isPlanar: boolean,
    isReversed: boolean,
    tensor: number,
  ): void;
}

let code: object | undefined;

/** Makes an instance with a memory of its own. The code is compiled for the first one, since most commands need none. */
export function instantiateKernel(): KernelExports {
  code ??= new WebAssembly.Module(readFileSync(new URL('./kernel/pixels.wasm', import.meta.url)));
  const { exports } = new WebAssembly.Instance(code, {
    // Seeds a check that is compiled out.
    wasi_snapshot_preview1: { random_get: () => 0 },
  });
  // oxlint-disable-next-line no-underscore-dangle -- WASI calls it so
  exports._initialize();
  return exports;
}

/** Whether an error is a trap, by which an instance refuses what it was given; it cannot be used any more then. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
