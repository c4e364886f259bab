/*
 * Separable resampling of 8-bit RGB and of single planes with the Catmull-Rom cubic (Keys 1981, a = -0.5), widened when it shrinks so that nothing aliases.
 * Samples outside of the box repeat those of its edge. Weights are Q14 and sum to exactly 1; rows between the passes are Q6.
 */
#include "vectors.h"

#define ONE 16384

static double cubic(double x) {
  x = __builtin_fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static i32 clamp(i32 value, i32 low, i32 high) { return value < low ? low : value > high ? high : value; }

/* Weights for each output sample when outputs lie `step` inputs apart: a multiple of 4. */
EXPORT(count_taps) i32 count_taps(double step) {
  const double scale = __builtin_fabs(step) > 1 ? __builtin_fabs(step) : 1;
  return ((i32)__builtin_ceil(4 * scale) + 3) & ~3;
}

/*
 * Fills, for each of `count` outputs, the first of `samples` input samples and its weights. The centre of the first output is at `centre`, that of
 * input sample 0 at 0.5; the others follow at `step`, which is negative where the image is mirrored.
 */
EXPORT(fill_weights)
void fill_weights(i32 *starts, i16 *weights, i32 samples, double centre, double step, i32 count) {
  const i32 taps = count_taps(step);
  const double scale = __builtin_fabs(step) > 1 ? __builtin_fabs(step) : 1, support = 2 * scale, origin = centre;
  for (i32 output = 0; output < count; output++) {
    centre = origin + output * step;
    i16 *row = weights + (size_t)output * taps;
    const i32 first = (i32)__builtin_floor(centre - support + 0.5), end = (i32)__builtin_floor(centre + support + 0.5);
    const i32 start = clamp(first, 0, samples - 1);
    starts[output] = start;
    double sum = 0;
    for (i32 sample = first; sample < end; sample++) sum += cubic((sample + 0.5 - centre) / scale);
    double edge = 0;
    i32 rest = ONE, best = 0;
    for (i32 tap = 0; tap < taps; tap++) row[tap] = 0;
    for (i32 sample = first; sample < end; sample++) {
      const i32 tap = clamp(sample, 0, samples - 1) - start;
      /* Several samples may fall on one of the edge: they are summed before they are rounded. */
      edge += cubic((sample + 0.5 - centre) / scale) / sum;
      if (sample + 1 < end && clamp(sample + 1, 0, samples - 1) - start == tap) continue;
      row[tap] = (i16)__builtin_floor(edge * ONE + 0.5);
      edge = 0;
      rest -= row[tap];
      if (row[tap] > row[best]) best = tap;
    }
    row[best] = (i16)(row[best] + rest);
  }
}

/* Four pixels from 12 bytes: (r0 r1 r2 r3 g0 g1 g2 g3) and (b0 b1 b2 b3 0 0 0 0) as 16-bit lanes. */
static inline vec red_green(vec bytes) {
  return wasm_i8x16_swizzle(bytes, wasm_i8x16_make(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1));
}
static inline vec blue(vec bytes) {
  return wasm_i8x16_swizzle(bytes, wasm_i8x16_make(2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1));
}

/* Sums of pairs become one sample of each channel, in Q6 as the low three 16-bit lanes. */
static inline vec to_q6(vec pairs_rg, vec pairs_b) {
  const vec sums = ADD(wasm_i32x4_shuffle(pairs_rg, pairs_b, 0, 2, 4, 6), wasm_i32x4_shuffle(pairs_rg, pairs_b, 1, 3, 5, 7));
  const vec rounded = wasm_i32x4_shr(ADD(sums, wasm_i32x4_splat(128)), 8);
  return wasm_i16x8_narrow_i32x4(rounded, rounded);
}

/* `row_count` rows of the source, each `count` samples of 6 bytes in rows of `row_bytes`. Enlarging needs 4 taps: they stay in a register. */
EXPORT(resample_rows)
void resample_rows(const u8 *pixels, i32 pitch, i32 row_count, const i32 *starts, const i16 *weights, i32 taps, i32 count,
                   u8 *rows, i32 row_bytes) {
  if (taps == 4) {
    for (i32 x = 0; x < count; x++, weights += 4) {
      const vec weight = wasm_v128_load64_splat(weights);
      const u8 *from = pixels + (size_t)starts[x] * 3;
      u8 *to = rows + (size_t)x * 6;
      for (i32 y = 0; y < row_count; y++, from += pitch, to += row_bytes) {
        const vec bytes = wasm_v128_load(from);
        wasm_v128_store64_lane(to, to_q6(DOT(red_green(bytes), weight), DOT(blue(bytes), weight)), 0);
      }
    }
    return;
  }
  for (i32 y = 0; y < row_count; y++, rows += row_bytes) {
    const i16 *row_weights = weights;
    for (i32 x = 0; x < count; x++, row_weights += taps) {
      const u8 *from = pixels + (size_t)y * pitch + (size_t)starts[x] * 3;
      vec sum_rg = wasm_i32x4_splat(0), sum_b = sum_rg;
      for (i32 tap = 0; tap < taps; tap += 4, from += 12) {
        const vec bytes = wasm_v128_load(from), weight = wasm_v128_load64_splat(row_weights + tap);
        sum_rg = ADD(sum_rg, DOT(red_green(bytes), weight));
        sum_b = ADD(sum_b, DOT(blue(bytes), weight));
      }
      wasm_v128_store64_lane(rows + (size_t)x * 6, to_q6(sum_rg, sum_b), 0);
    }
  }
}

/*
 * The same for one channel: `row_count` rows of the source, each `count` samples of 2 bytes in rows of `row_bytes`. Eight rows at once, so that each
 * lane is a row; up to 7 rows behind the last one are read and written.
 */
EXPORT(resample_plane_rows)
void resample_plane_rows(const u8 *pixels, i32 pitch, i32 row_count, i32 samples, const i32 *starts, const i16 *weights, i32 taps, i32 count,
                         u8 *rows, i32 row_bytes, vec *columns) {
  for (i32 y = 0; y < row_count; y += 8, pixels += 8 * (size_t)pitch, rows += 8 * (size_t)row_bytes) {
    for (i32 x = 0; x < samples; x += 8) {
      for (i32 row = 0; row < 8; row++) columns[x + row] = wasm_u16x8_load8x8(pixels + (size_t)row * pitch + x);
      transpose(columns + x);
    }
    for (i32 x = 0; x < count; x += 8) {
      vec outputs[8];
      for (i32 output = 0; output < 8; output++) {
        const i32 index = x + output < count ? x + output : count - 1;
        const vec *from = columns + starts[index];
        const i16 *weight = weights + (size_t)index * taps;
        vec low = wasm_i32x4_splat(128), high = low;
        for (i32 tap = 0; tap < taps; tap += 2) {
          const vec both = wasm_v128_load32_splat(weight + tap);
          low = ADD(low, DOT(low_pairs(from[tap], from[tap + 1]), both));
          high = ADD(high, DOT(high_pairs(from[tap], from[tap + 1]), both));
        }
        outputs[output] = wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, 8), wasm_i32x4_shr(high, 8));
      }
      transpose(outputs);
      for (i32 row = 0; row < 8; row++) wasm_v128_store(rows + (size_t)row * row_bytes + 2 * (size_t)x, outputs[row]);
    }
  }
}

/* Eight samples of Q14 * Q6 sums as 16-bit lanes without their fraction. */
static inline vec from_q20(vec low, vec high) {
  const vec half = wasm_i32x4_splat(1 << 19);
  return wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(ADD(low, half), 20), wasm_i32x4_shr(ADD(high, half), 20));
}

static inline vec sum_rows(const u8 *from, size_t row_bytes, const i16 *weights, i32 taps) {
  vec low = wasm_i32x4_splat(0), high = low;
  for (i32 tap = 0; tap < taps; tap += 2, from += 2 * row_bytes) {
    const vec weight = wasm_v128_load32_splat(weights + tap), a = wasm_v128_load(from), b = wasm_v128_load(from + row_bytes);
    low = ADD(low, DOT(low_pairs(a, b), weight));
    high = ADD(high, DOT(high_pairs(a, b), weight));
  }
  return from_q20(low, high);
}

/*
 * `height` output rows of `bytes` bytes from rows of the first pass; rows behind the last one are read with weight 0. Up to 15 bytes behind each output row are overwritten, so rows must be made from the top.
 */
EXPORT(resample_columns)
void resample_columns(const u8 *rows, i32 row_bytes, const i32 *starts, const i16 *weights, i32 taps, i32 height, i32 bytes,
                      u8 *pixels, i32 pitch) {
  for (i32 y = 0; y < height; y++, weights += taps, pixels += pitch) {
    const u8 *from = rows + (size_t)starts[y] * row_bytes;
    for (i32 x = 0; x < bytes; x += 16) {
      const u8 *at = from + 2 * (size_t)x;
      if (taps == 4)
        wasm_v128_store(pixels + x, wasm_u8x16_narrow_i16x8(sum_rows(at, row_bytes, weights, 4), sum_rows(at + 16, row_bytes, weights, 4)));
      else
        wasm_v128_store(pixels + x,
                        wasm_u8x16_narrow_i16x8(sum_rows(at, row_bytes, weights, taps), sum_rows(at + 16, row_bytes, weights, taps)));
    }
  }
}
