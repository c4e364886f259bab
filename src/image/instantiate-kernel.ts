import { readFileSync } from 'node:fs';

/** What is used of the global of that name, which Node's types lack. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: KernelExports };
  readonly RuntimeError: new () => Error;
};

/** The address of an image in the memory of an instance; 0 is none. */
export type ImageAddress = number;

/** Functions of `pixels.wasm`; see the C sources in `kernel/`. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize(): void;
  file(sizeBytes: number): number;
  open_jpeg(sizeBytes: number, eighths: number, width: number, height: number): void;
  decode_rgb(orientation: number): ImageAddress;
  decode_planes(): ImageAddress;
  load_rgb(width: number, height: number): ImageAddress;
  canvas(use: number, kind: number, width: number, height: number): ImageAddress;
  resample(
    from: ImageAddress,
    to: ImageAddress,
    boxLeft: number,
    boxTop: number,
    boxWidth: number,
    boxHeight: number,
    boundsLeft: number,
    boundsTop: number,
    boundsWidth: number,
    boundsHeight: number,
    left: number,
    top: number,
    width: number,
    height: number,
    isFlipped: boolean,
  ): void;
  pad(
    canvas: ImageAddress,
    left: number,
    top: number,
    width: number,
    height: number,
    red: number,
    green: number,
    blue: number,
  ): void;
  merge_rgb(from: ImageAddress, to: ImageAddress): void;
  encode(image: ImageAddress, quality: number): number;
  encoded_bytes(): number;
  to_tensor(
    image: ImageAddress,
    factor0: number,
    offset0: number,
    factor1: number,
    offset1: number,
    factor2: number,
    offset2: number,
    isPlanar: boolean,
    isReversed: boolean,
  ): number;
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
