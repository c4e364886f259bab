/* What is done to single pixels: places, padding, brightness, and the numbers that a model takes. */
#include <stdlib.h>
#include "kernel.h"

/* Gives an area of a size, with slack, in place of an older one whose bytes are lost. */
EXPORT(reserve) void *reserve(void *old, size_t size) {
  free(old);
  void *area = malloc(size + SLACK);
  if (area == NULL) __builtin_trap();
  return area;
}

EXPORT(release) void release(void *area) { free(area); }

/* Replaces each byte of rows of `bytes` bytes by what the table has for it. */
EXPORT(look_up) void look_up(u8 *pixels, i32 pitch, i32 bytes, i32 height, const u8 *table) {
  for (i32 y = 0; y < height; y++, pixels += pitch)
    for (i32 x = 0; x < bytes; x++) pixels[x] = table[pixels[x]];
}

/* Turns an image of width by height as EXIF's orientation (1 to 8) says; the sides of 5 to 8 are swapped. */
EXPORT(orient) void orient(const u8 *from, i32 width, i32 height, u8 *to, i32 orientation) {
  const i32 is_swapped = orientation >= 5;
  const i32 is_mirrored = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const i32 is_upside_down = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const i32 out_width = is_swapped ? height : width, out_height = is_swapped ? width : height;
  for (i32 y = 0; y < height; y++)
    for (i32 x = 0; x < width; x++, from += 3) {
      const i32 across = is_swapped ? y : x, down = is_swapped ? x : y;
      const i32 column = is_mirrored ? out_width - 1 - across : across, row = is_upside_down ? out_height - 1 - down : down;
      u8 *pixel = to + ((size_t)row * out_width + column) * 3;
      pixel[0] = from[0];
      pixel[1] = from[1];
      pixel[2] = from[2];
    }
}

static inline void paint(u8 *pixels, size_t bytes, const u8 *pattern) {
  size_t at = 0;
  for (; at + 48 <= bytes; at += 48) __builtin_memcpy(pixels + at, pattern, 48);
  __builtin_memcpy(pixels + at, pattern, bytes - at);
}

/* Paints what lies outside of the rectangle (left, top, inner_width, inner_height) of an image. */
EXPORT(pad)
void pad(u8 *pixels, i32 width, i32 height, i32 left, i32 top, i32 inner_width, i32 inner_height, i32 red, i32 green, i32 blue) {
  u8 pattern[48];
  for (i32 at = 0; at < 48; at += 3) {
    pattern[at] = (u8)red;
    pattern[at + 1] = (u8)green;
    pattern[at + 2] = (u8)blue;
  }
  const size_t pitch = (size_t)width * 3, before = (size_t)left * 3, after = before + (size_t)inner_width * 3;
  paint(pixels, top * pitch, pattern);
  for (i32 y = top; y < top + inner_height; y++) {
    paint(pixels + y * pitch, before, pattern);
    paint(pixels + y * pitch + after, pitch - after, pattern);
  }
  paint(pixels + (top + inner_height) * pitch, (height - top - inner_height) * pitch, pattern);
}

static inline vec floats_of(vec bytes, vec lanes, float factor, float offset) {
  const vec numbers = wasm_f32x4_convert_u32x4(wasm_i8x16_swizzle(bytes, lanes));
  return wasm_f32x4_mul(wasm_f32x4_sub(numbers, wasm_f32x4_splat(offset)), wasm_f32x4_splat(factor));
}

/*
 * `(value - offset) * factor` of RGB pixels, channel by channel or pixel by pixel; `is_reversed` has blue come first. `scales` are the factor and
 * the offset of each channel of the result.
 */
EXPORT(to_tensor)
void to_tensor(const u8 *pixels, i32 count, const float *scales, i32 is_planar, i32 is_reversed, float *tensor) {
#define CHANNEL(c) wasm_i8x16_make(c, -1, -1, -1, c + 3, -1, -1, -1, c + 6, -1, -1, -1, c + 9, -1, -1, -1)
  const vec lanes[3] = { is_reversed ? CHANNEL(2) : CHANNEL(0), CHANNEL(1), is_reversed ? CHANNEL(0) : CHANNEL(2) };
  for (i32 at = 0; at < count; at += 4, pixels += 12) {
    const vec bytes = wasm_v128_load(pixels);
    float values[3][4];
    for (i32 channel = 0; channel < 3; channel++) wasm_v128_store(values[channel], floats_of(bytes, lanes[channel], scales[2 * channel], scales[2 * channel + 1]));
    const i32 known = count - at < 4 ? count - at : 4;
    for (i32 channel = 0; channel < 3; channel++)
      if (is_planar && known == 4)
        wasm_v128_store(tensor + (size_t)channel * count + at, wasm_v128_load(values[channel]));
      else
        for (i32 pixel = 0; pixel < known; pixel++)
          tensor[is_planar ? (size_t)channel * count + at + pixel : ((size_t)at + pixel) * 3 + channel] = values[channel][pixel];
  }
}
