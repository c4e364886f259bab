/** Where models run: ONNX Runtime's names of its execution providers. */
export const DEVICES = ['cpu', 'cuda'] as const;

/** See {@link DEVICES}. */
export type Device = (typeof DEVICES)[number];
