/* What is done to single pixels of RGB: places, and the numbers that a model takes. */
#include "rearrange.h"

void orient(const image *from, image *to, i32 orientation) {
  const i32 is_swapped = orientation >= 5, width = from->width, height = from->height;
  const i32 is_mirrored = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const i32 is_upside_down = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const i32 out_width = is_swapped ? height : width, out_height = is_swapped ? width : height;
  const u8 *source = from->planes[0].samples;
  for (i32 y = 0; y < height; y++)
    for (i32 x = 0; x < width; x++, source += 3) {
      const i32 across = is_swapped ? y : x, down = is_swapped ? x : y;
      const i32 column = is_mirrored ? out_width - 1 - across : across, row = is_upside_down ? out_height - 1 - down : down;
      u8 *pixel = to->planes[0].samples + ((size_t)row * out_width + column) * 3;
      pixel[0] = source[0];
      pixel[1] = source[1];
      pixel[2] = source[2];
    }
}

static inline vec floats_of(vec bytes, vec lanes, float factor, float offset) {
  const vec numbers = wasm_f32x4_convert_u32x4(wasm_i8x16_swizzle(bytes, lanes));
  return wasm_f32x4_mul(wasm_f32x4_sub(numbers, wasm_f32x4_splat(offset)), wasm_f32x4_splat(factor));
}

/*
 * `(value - offset) * factor` of RGB, channel by channel or pixel by pixel; `is_reversed` has blue come first. Scales are the factor and the offset
 * of each channel of the result.
 */
EXPORT(to_tensor)
const float *to_tensor(const image *from, double factor_0, double offset_0, double factor_1, double offset_1, double factor_2, double offset_2,
                       i32 is_planar, i32 is_reversed) {
  static area tensor_area;
  const i32 count = from->width * from->height;
  const u8 *pixels = from->planes[0].samples;
  const float scales[6] = { (float)factor_0, (float)offset_0, (float)factor_1, (float)offset_1, (float)factor_2, (float)offset_2 };
  float *tensor = reserve(&tensor_area, (size_t)count * 3 * sizeof(float));
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
  return tensor;
}
