/* Between RGB and planes of YCbCr, and what is painted on planes. */
#include "planes.h"
#include "colours.h"

static inline vec pairs_of(vec low, vec high) {
  return wasm_u16x8_extadd_pairwise_u8x16(wasm_u8x16_narrow_i16x8(low, high));
}

/* Chroma of 16 by 2 pixels at half the size, with the alternating rounding of jcsample.c. */
static inline void store_mean(u8 *to, vec above_low, vec above_high, vec below_low, vec below_high) {
  const vec sum = ADD16(pairs_of(above_low, above_high), pairs_of(below_low, below_high));
  const vec mean = wasm_u16x8_shr(ADD16(sum, PAIR(1, 2)), 2);
  wasm_v128_store64_lane(to, wasm_u8x16_narrow_i16x8(mean, mean), 0);
}

static inline void split_16(const u8 *above, const u8 *below, u8 *luma_above, u8 *luma_below, u8 *blue, u8 *red) {
  const ycc a = from_rgb(above), b = from_rgb(above + 24), c = from_rgb(below), d = from_rgb(below + 24);
  wasm_v128_store(luma_above, wasm_u8x16_narrow_i16x8(a.y, b.y));
  wasm_v128_store(luma_below, wasm_u8x16_narrow_i16x8(c.y, d.y));
  store_mean(blue, a.cb, b.cb, c.cb, d.cb);
  store_mean(red, a.cr, b.cr, c.cr, d.cr);
}

/* The last pixels of a row, of which the last one goes on. */
static void copy_edge(const u8 *pixels, i32 count, u8 *edge) {
  for (i32 x = 0; x < 16; x++) __builtin_memcpy(edge + 3 * x, pixels + 3 * (x < count ? x : count - 1), 3);
}

static void repeat_row(u8 *plane, size_t pitch, size_t known, size_t rows) {
  for (size_t y = known; y < rows; y++) __builtin_memcpy(plane + y * pitch, plane + (known - 1) * pitch, pitch);
}

/* Makes the planes of RGB pixels without gaps; beyond the image they go on as libjpeg has it. */
EXPORT(split_rgb) void split_rgb(const u8 *pixels, i32 width, i32 height, u8 *first) {
  const planes to = planes_at(first, width, height);
  u8 edges[2][48 + SLACK];
  for (i32 y = 0; y < height; y += 2) {
    const u8 *above = pixels + (size_t)y * width * 3, *below = y + 1 < height ? above + (size_t)width * 3 : above;
    u8 *luma = to.luma + y * to.pitch, *blue = to.blue + y / 2 * (to.pitch / 2), *red = to.red + y / 2 * (to.pitch / 2);
    i32 x = 0;
    for (; x + 16 <= width; x += 16)
      split_16(above + 3 * x, below + 3 * x, luma + x, luma + to.pitch + x, blue + x / 2, red + x / 2);
    if (x == width) continue;
    copy_edge(above + 3 * x, width - x, edges[0]);
    copy_edge(below + 3 * x, width - x, edges[1]);
    split_16(edges[0], edges[1], luma + x, luma + to.pitch + x, blue + x / 2, red + x / 2);
  }
  const size_t known = ((size_t)height + 1) / 2;
  repeat_row(to.luma, to.pitch, (size_t)height, to.rows);
  repeat_row(to.blue, to.pitch / 2, known, to.rows / 2);
  repeat_row(to.red, to.pitch / 2, known, to.rows / 2);
}

/* Makes RGB pixels without gaps of three planes of the same size; up to 21 bytes behind the last one are overwritten. */
EXPORT(merge_rgb)
void merge_rgb(const u8 *luma, const u8 *blue, const u8 *red, i32 pitch, i32 width, i32 height, u8 *pixels) {
  for (i32 y = 0; y < height; y++, luma += pitch, blue += pitch, red += pitch, pixels += (size_t)width * 3)
    for (i32 x = 0; x < width; x += 8)
      to_rgb(pixels + 3 * x, wasm_u16x8_load8x8(luma + x), wasm_u16x8_load8x8(blue + x), wasm_u16x8_load8x8(red + x));
}

/* How many of the pixels that a sample stands for are within the image, and how many of those lie in [start, end). */
static inline i32 known_of(i32 sample, i32 step, i32 size) { return size - sample * step < step ? size - sample * step : step; }
static inline i32 covered_of(i32 sample, i32 step, i32 size, i32 start, i32 end) {
  const i32 low = sample * step, high = low + known_of(sample, step, size);
  const i32 covered = (end < high ? end : high) - (start > low ? start : low);
  return covered > 0 ? covered : 0;
}

/*
 * Paints what lies outside of a rectangle, given in pixels of an image of width by height, on a plane that has one sample for `step` by `step`
 * of them; samples that lie partly within are mixed. Beyond the image the last sample goes on, to whole blocks.
 */
EXPORT(frame_plane)
void frame_plane(u8 *plane, i32 pitch, i32 rows, i32 step, i32 width, i32 height, i32 left, i32 top, i32 right, i32 bottom, i32 value) {
  const i32 columns = (width + step - 1) / step, known_rows = (height + step - 1) / step;
  for (i32 y = 0; y < known_rows; y++) {
    u8 *row = plane + (size_t)y * pitch;
    const i32 known_y = known_of(y, step, height), covered_y = covered_of(y, step, height, top, bottom);
    const i32 start = covered_y == 0 ? columns : left / step, end = covered_y == 0 ? columns : (right + step - 1) / step;
    __builtin_memset(row, value, (size_t)start);
    __builtin_memset(row + end, value, (size_t)(columns - end));
    for (i32 x = start; x < end; x++) {
      const i32 covered = covered_y * covered_of(x, step, width, left, right), known = known_y * known_of(x, step, width);
      /* All but those of the edge are covered as a whole. */
      if (covered == known && covered_y == known_y && end - 1 > x) x = end - 2;
      else row[x] = (u8)((row[x] * covered + value * (known - covered) + known / 2) / known);
    }
    __builtin_memset(row + columns, row[columns - 1], (size_t)(pitch - columns));
  }
  repeat_row(plane, (size_t)pitch, (size_t)known_rows, (size_t)rows);
}
