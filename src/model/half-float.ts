/** IEEE 754 binary16 to and from float32; JavaScript has no typed array for it before Node 24. */

const BUFFER = new DataView(new ArrayBuffer(4));

/** Rounds float32 values to float16, given as their bits. Ties go to even; too large values become infinite. */
export function toHalf(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, halfBits);
}

/** Widens float16 bits to float32 values. */
export function fromHalf(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, fromHalfBits);
}

function halfBits(value: number): number {
  BUFFER.setFloat32(0, value);
  const bits = BUFFER.getUint32(0);
  const sign = (bits >>> 16) & 0x80_00;
  const magnitude = bits & 0x7f_ff_ff_ff;
  if (magnitude > 0x7f_80_00_00) return sign | 0x7e_00;
  // From 65520 on, which is halfway between the largest half and the next step.
  if (magnitude >= 0x47_7f_f0_00) return sign | 0x7c_00;
  // Subnormal halves are multiples of 2^-24.
  if (magnitude < 0x38_80_00_00) return sign | roundEven(Math.abs(value) * 2 ** 24);
  const rounded = magnitude - 0x38_00_00_00 + 0x0f_ff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

function fromHalfBits(bits: number): number {
  const sign = bits & 0x80_00 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3_ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
