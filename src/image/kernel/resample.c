/*
 * Separable resampling of 8-bit RGB and of single planes by the weights of axes.c. Rows between the passes are Q6 and half a level too large, which
 * rounds the second pass: weights sum to 1, so that what is added to all samples is added to the result.
 */
#include <string.h>
#include "axes.h"
#include "vectors.h"

/* Four pixels from 12 bytes: (r0 r1 r2 r3 g0 g1 g2 g3) and (b0 b1 b2 b3 0 0 0 0) as 16-bit lanes. */
static inline vec red_green(vec bytes) {
  return wasm_i8x16_swizzle(bytes, wasm_i8x16_make(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1));
}
static inline vec blue(vec bytes) {
  return wasm_i8x16_swizzle(bytes, wasm_i8x16_make(2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1));
}

/* Sums of pairs become one sample of each channel, in Q6 and half a level too large, as the low three 16-bit lanes. */
static inline vec to_q6(vec pairs_rg, vec pairs_b) {
  const vec sums = ADD(wasm_i32x4_shuffle(pairs_rg, pairs_b, 0, 2, 4, 6), wasm_i32x4_shuffle(pairs_rg, pairs_b, 1, 3, 5, 7));
  const vec rounded = wasm_i32x4_shr(ADD(sums, wasm_i32x4_splat(128 + (32 << 8))), 8);
  return wasm_i16x8_narrow_i32x4(rounded, rounded);
}

/* Rows of the source, each `count` samples of 6 bytes in rows of `row_bytes`. Enlarging needs 4 taps: they stay in a register. */
static void resample_rgb_rows(const u8 *pixels, i32 pitch, i32 row_count, const axis *across, u8 *rows, i32 row_bytes) {
  const i32 *starts = across->starts;
  const i16 *weights = across->weights;
  const i32 taps = across->taps, count = across->count;
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
 * The same for one channel: samples of 2 bytes. Eight rows at once, so that each lane is a row; up to 7 rows behind the last one are read and
 * written. `pairs` has place for two of the source's samples across and of 8 + taps more.
 */
static void resample_plane_rows(const u8 *pixels, i32 pitch, i32 row_count, const axis *across, u8 *rows, i32 row_bytes, vec *pairs) {
  const i32 samples = across->samples, taps = across->taps, count = across->count;
  /* Q7 * Q14 sums become Q6; half a level and what rounds that. */
  const vec halves = wasm_i16x8_splat(64 + 1);
  for (i32 y = 0; y < row_count; y += 8, pixels += 8 * (size_t)pitch, rows += 8 * (size_t)row_bytes) {
    vec last = halves;
    for (i32 x = 0; x < samples + taps; x += 8) {
      vec columns[8];
      for (i32 row = 0; row < 8; row++)
        columns[row] = x < samples ? ADD16(wasm_i16x8_shl(wasm_u16x8_load8x8(pixels + (size_t)row * pitch + x), 7), halves) : halves;
      transpose(columns);
      for (i32 column = 0; column < 8; column++) {
        vec *to = pairs + 2 * (x + column);
        to[-2] = low_pairs(last, columns[column]);
        to[-1] = high_pairs(last, columns[column]);
        last = columns[column];
      }
    }
    for (i32 x = 0; x < count; x += 8) {
      vec outputs[8];
      for (i32 output = 0; output < 8; output++) {
        const i32 index = x + output < count ? x + output : count - 1;
        const vec *from = pairs + 2 * across->starts[index];
        const i16 *weights = across->weights + (size_t)index * taps;
        vec both = wasm_v128_load32_splat(weights), low = DOT(from[0], both), high = DOT(from[1], both);
        for (i32 tap = 2; tap < taps; tap += 2) {
          both = wasm_v128_load32_splat(weights + tap);
          low = ADD(low, DOT(from[2 * tap], both));
          high = ADD(high, DOT(from[2 * tap + 1], both));
        }
        outputs[output] = wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, 15), wasm_i32x4_shr(high, 15));
      }
      transpose(outputs);
      for (i32 row = 0; row < 8; row++) wasm_v128_store(rows + (size_t)row * row_bytes + 2 * (size_t)x, outputs[row]);
    }
  }
}

/* Eight samples of Q14 * Q6 sums as 16-bit lanes without their fraction. */
static inline vec from_q20(vec low, vec high) { return wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, 20), wasm_i32x4_shr(high, 20)); }

static inline vec sum_rows(const u8 *from, size_t row_bytes, const i16 *weights, i32 taps) {
  vec low = wasm_i32x4_splat(0), high = low;
  for (i32 tap = 0; tap < taps; tap += 2, from += 2 * row_bytes) {
    const vec weight = wasm_v128_load32_splat(weights + tap), a = wasm_v128_load(from), b = wasm_v128_load(from + row_bytes);
    low = ADD(low, DOT(low_pairs(a, b), weight));
    high = ADD(high, DOT(high_pairs(a, b), weight));
  }
  return from_q20(low, high);
}

/* Pairs of 8 samples of four rows, from which all outputs between two of these rows are made. */
typedef struct { vec low_01, high_01, low_23, high_23; } row_pairs;

static inline row_pairs pair_rows(const u8 *from, size_t row_bytes) {
  const vec a = wasm_v128_load(from), b = wasm_v128_load(from + row_bytes);
  const vec c = wasm_v128_load(from + 2 * row_bytes), d = wasm_v128_load(from + 3 * row_bytes);
  return (row_pairs){ low_pairs(a, b), high_pairs(a, b), low_pairs(c, d), high_pairs(c, d) };
}

static inline vec sum_pairs(row_pairs of, vec for_01, vec for_23) {
  return from_q20(ADD(DOT(of.low_01, for_01), DOT(of.low_23, for_23)), ADD(DOT(of.high_01, for_01), DOT(of.high_23, for_23)));
}

/* With 4 taps, rows of 16 bytes at least: each output row from the same four rows as its neighbours. */
static void enlarge_columns(const u8 *rows, i32 row_bytes, const axis *down, i32 bytes, u8 *pixels, i32 pitch) {
  for (i32 y = 0, end; y < down->count; y = end) {
    for (end = y + 1; end < down->count && down->starts[end] == down->starts[y];) end++;
    for (i32 next = 0; next < bytes; next += 16) {
      /* The last 16 may be among those before: nothing behind a row is overwritten. */
      const i32 x = next + 16 <= bytes ? next : bytes - 16;
      const u8 *from = rows + (size_t)down->starts[y] * row_bytes + 2 * (size_t)x;
      const row_pairs first = pair_rows(from, row_bytes), second = pair_rows(from + 16, row_bytes);
      for (i32 row = y; row < end; row++) {
        const i16 *weights = down->weights + 4 * (size_t)row;
        const vec for_01 = wasm_v128_load32_splat(weights), for_23 = wasm_v128_load32_splat(weights + 2);
        wasm_v128_store(pixels + (size_t)row * pitch + x, wasm_u8x16_narrow_i16x8(sum_pairs(first, for_01, for_23), sum_pairs(second, for_01, for_23)));
      }
    }
  }
}

/*
 * Output rows of `bytes` bytes from rows of the first pass; rows behind the last one are read with weight 0. Up to 15 bytes behind each output
 * row are overwritten, so rows must be made from the top.
 */
static void resample_columns(const u8 *rows, i32 row_bytes, const axis *down, i32 bytes, u8 *pixels, i32 pitch) {
  const i32 taps = down->taps;
  const i16 *weights = down->weights;
  if (taps == 4 && bytes >= 16) return enlarge_columns(rows, row_bytes, down, bytes, pixels, pitch);
  for (i32 y = 0; y < down->count; y++, weights += taps, pixels += pitch) {
    const u8 *from = rows + (size_t)down->starts[y] * row_bytes;
    for (i32 x = 0; x < bytes; x += 16, from += 32)
      wasm_v128_store(pixels + x, wasm_u8x16_narrow_i16x8(sum_rows(from, row_bytes, weights, taps), sum_rows(from + 16, row_bytes, weights, taps)));
  }
}

/* An odd number of cache lines: rows then fall on different ones. */
static i32 row_size(i32 bytes) { return ((bytes + 63) / 64 * 64) | 64; }

static void resample_plane(const plane *from, const plane *to, i32 channels, const planned_axis *across, const planned_axis *down) {
  static area rows_area, pairs_area;
  const i32 row_bytes = row_size(across->count * 2 * channels + 14);
  u8 *rows = reserve(&rows_area, (size_t)(down->samples + 8 + down->weights->taps) * row_bytes);
  const u8 *source = from->samples + (size_t)down->first_input * from->pitch + across->first_input * channels;
  if (channels == 3) resample_rgb_rows(source, from->pitch, down->samples, across->weights, rows, row_bytes);
  else
    resample_plane_rows(source, from->pitch, down->samples, across->weights, rows, row_bytes,
                        (vec *)reserve(&pairs_area, 2 * (size_t)(across->samples + 16 + across->weights->taps) * sizeof(vec)) + 2);
  u8 *target = to->samples + (size_t)down->first_output * to->pitch + across->first_output * channels;
  resample_columns(rows, row_bytes, down->weights, across->count * channels, target, to->pitch);
}

static int is_alike(const plane *one, const plane *other) {
  return one->scale_x == other->scale_x && one->scale_y == other->scale_y && one->width == other->width && one->height == other->height;
}

/*
 * Resamples a box of an image, whose sides may lie between pixels, to a place on a canvas of the same channels. Of the image only what lies within
 * the bounds has an influence. What a gray image lacks becomes gray.
 */
EXPORT(resample)
void resample(const image *from, const image *to, double box_left, double box_top, double box_width, double box_height, i32 bounds_left,
              i32 bounds_top, i32 bounds_width, i32 bounds_height, i32 left, i32 top, i32 width, i32 height, i32 is_flipped) {
  const span across = { box_left, box_width, bounds_left, bounds_width, left, width };
  const span down = { box_top, box_height, bounds_top, bounds_height, top, height };
  planned_axis columns, rows;
  for (i32 at = 0; at < to->count; at++) {
    const plane *source = &from->planes[at], *target = &to->planes[at];
    if (at >= from->count) {
      memset(target->samples, 128, (size_t)target->pitch * target->height);
      continue;
    }
    /* Both planes of chroma mostly have the same axes. */
    if (at == 0 || !is_alike(source, source - 1) || !is_alike(target, target - 1)) {
      forget_old_axes();
      columns = plan_axis(&across, source->width, source->scale_x, (i32)(1 / target->scale_x), is_flipped);
      rows = plan_axis(&down, source->height, source->scale_y, (i32)(1 / target->scale_y), 0);
    }
    resample_plane(source, target, from->channels, &columns, &rows);
  }
}
