/* Between RGB and planes of YCbCr, and what is painted on planes. */
#include "images.h"
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

/* Has the last row of a plane, which has one sample for `step` pixels, go on to whole blocks. */
static void repeat_last_row(const plane *of, i32 step, i32 height) {
  const size_t pitch = (size_t)of->pitch, known = (size_t)of->height, rows = (size_t)(whole_blocks(height) / step);
  for (size_t y = known; y < rows; y++) __builtin_memcpy(of->samples + y * pitch, of->samples + (known - 1) * pitch, pitch);
}

void split_rgb(const image *from, image *to) {
  const plane *luma = &to->planes[0], *blue = &to->planes[1], *red = &to->planes[2];
  const i32 width = from->width, height = from->height, pitch = from->planes[0].pitch;
  u8 edges[2][48 + SLACK];
  for (i32 y = 0; y < height; y += 2) {
    const u8 *above = from->planes[0].samples + (size_t)y * pitch, *below = y + 1 < height ? above + pitch : above;
    u8 *luma_row = luma->samples + (size_t)y * luma->pitch;
    u8 *blue_row = blue->samples + (size_t)y / 2 * blue->pitch, *red_row = red->samples + (size_t)y / 2 * red->pitch;
    i32 x = 0;
    for (; x + 16 <= width; x += 16)
      split_16(above + 3 * x, below + 3 * x, luma_row + x, luma_row + luma->pitch + x, blue_row + x / 2, red_row + x / 2);
    if (x == width) continue;
    copy_edge(above + 3 * x, width - x, edges[0]);
    copy_edge(below + 3 * x, width - x, edges[1]);
    split_16(edges[0], edges[1], luma_row + x, luma_row + luma->pitch + x, blue_row + x / 2, red_row + x / 2);
  }
  for (i32 at = 0; at < 3; at++) repeat_last_row(&to->planes[at], at == 0 ? 1 : 2, height);
}

/* Makes RGB of three planes that are all as fine; up to 21 bytes behind the last pixel are overwritten. */
EXPORT(merge_rgb) void merge_rgb(const image *from, image *to) {
  const plane *luma = &from->planes[0], *blue = &from->planes[1], *red = &from->planes[2];
  for (i32 y = 0; y < from->height; y++) {
    const size_t row = (size_t)y * luma->pitch;
    u8 *pixels = to->planes[0].samples + (size_t)y * to->planes[0].pitch;
    for (i32 x = 0; x < from->width; x += 8)
      to_rgb(pixels + 3 * x, wasm_u16x8_load8x8(luma->samples + row + x), wasm_u16x8_load8x8(blue->samples + row + x),
             wasm_u16x8_load8x8(red->samples + row + x));
  }
}

/* How many of the pixels that a sample stands for are within the image, and how many of those lie in [start, end). */
static inline i32 known_of(i32 sample, i32 step, i32 size) { return size - sample * step < step ? size - sample * step : step; }
static inline i32 covered_of(i32 sample, i32 step, i32 size, i32 start, i32 end) {
  const i32 low = sample * step, high = low + known_of(sample, step, size);
  const i32 covered = (end < high ? end : high) - (start > low ? start : low);
  return covered > 0 ? covered : 0;
}

/* A call of memset would take longer than most of what is filled. The last 16 samples may be among those before. */
__attribute__((no_builtin("memset"))) static void fill(u8 *samples, i32 count, i32 value) {
  const vec values = wasm_i8x16_splat((i8)value);
  i32 at = 0;
  for (; at + 16 <= count; at += 16) wasm_v128_store(samples + at, values);
  if (at > 0 && at < count) wasm_v128_store(samples + count - 16, values);
  else
    for (; at < count; at++) samples[at] = (u8)value;
}

/*
 * Paints what lies outside of a rectangle, given in pixels of the image, on a plane that has one sample for `step` by `step` of them; samples that
 * lie partly within are mixed. Beyond the image the last sample goes on, to whole blocks.
 */
static void pad_plane(const plane *of, i32 step, i32 width, i32 height, i32 left, i32 top, i32 right, i32 bottom, i32 value) {
  const i32 columns = of->width, first = left / step, last = (right + step - 1) / step;
  for (i32 y = 0; y < of->height; y++) {
    u8 *row = of->samples + (size_t)y * of->pitch;
    const i32 known_y = known_of(y, step, height), covered_y = covered_of(y, step, height, top, bottom);
    const i32 start = covered_y == 0 ? columns : first, end = covered_y == 0 ? columns : last;
    fill(row, start, value);
    fill(row + end, columns - end, value);
    /* All but those of the edge are covered as a whole. */
    for (i32 x = start; x < end; x = covered_y == known_y && x < end - 1 ? end - 1 : x + 1) {
      const i32 covered = covered_y * covered_of(x, step, width, left, right), known = known_y * known_of(x, step, width);
      if (covered != known) row[x] = (u8)((row[x] * covered + value * (known - covered) + known / 2) / known);
    }
    fill(row + columns, of->pitch - columns, row[columns - 1]);
  }
  repeat_last_row(of, step, height);
}

static inline void paint(u8 *pixels, size_t bytes, const u8 *pattern) {
  size_t at = 0;
  for (; at + 48 <= bytes; at += 48) __builtin_memcpy(pixels + at, pattern, 48);
  __builtin_memcpy(pixels + at, pattern, bytes - at);
}

static void pad_rgb(const plane *of, i32 left, i32 top, i32 right, i32 bottom, i32 red, i32 green, i32 blue) {
  u8 pattern[48];
  for (i32 at = 0; at < 48; at += 3) {
    pattern[at] = (u8)red;
    pattern[at + 1] = (u8)green;
    pattern[at + 2] = (u8)blue;
  }
  const size_t pitch = (size_t)of->pitch, before = (size_t)left * 3, after = (size_t)right * 3;
  paint(of->samples, top * pitch, pattern);
  for (i32 y = top; y < bottom; y++) {
    paint(of->samples + y * pitch, before, pattern);
    paint(of->samples + y * pitch + after, pitch - after, pattern);
  }
  paint(of->samples + bottom * pitch, (of->height - bottom) * pitch, pattern);
}

static i32 rounded(double value) { return value < 255 ? (i32)(value + 0.5) : 255; }

/* Paints what lies outside of a rectangle of a canvas; planes are also extended to the whole blocks that are encoded. */
EXPORT(pad) void pad(image *canvas, i32 left, i32 top, i32 width, i32 height, i32 red, i32 green, i32 blue) {
  const i32 right = left + width, bottom = top + height;
  if (canvas->channels == 3) return pad_rgb(&canvas->planes[0], left, top, right, bottom, red, green, blue);
  /* JFIF: https://www.w3.org/Graphics/JPEG/jfif3.pdf */
  const double values[3] = {
    0.299 * red + 0.587 * green + 0.114 * blue,
    128 - 0.168736 * red - 0.331264 * green + 0.5 * blue,
    128 + 0.5 * red - 0.418688 * green - 0.081312 * blue,
  };
  for (i32 at = 0; at < 3; at++) {
    const i32 step = (i32)(1 / canvas->planes[at].scale_x);
    pad_plane(&canvas->planes[at], step, canvas->width, canvas->height, left, top, right, bottom, rounded(values[at]));
  }
}
