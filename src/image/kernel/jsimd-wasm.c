/*
 * libjpeg-turbo's interface to SIMD instructions (jsimd.h, jsimddct.h) for WebAssembly: the steps of decoding that take most of the time. Each
 * gives bit for bit what the library's portable C gives, for images that are not damaged; what is not here stays with that C.
 */
#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jsimd.h"
#include "jdct.h"
#include "jsimddct.h"
#include "colours.h"
#include "dct.h"

int jsimd_can_ycc_rgb(void) { return 1; }

/* Writes whole groups of 8 pixels, so that up to 21 bytes behind a row are overwritten: rows come from the top. */
void jsimd_ycc_rgb_convert(j_decompress_ptr info, JSAMPIMAGE input, JDIMENSION row, JSAMPARRAY output, int row_count) {
  for (; row_count > 0; row_count--, output++, row++) {
    const JSAMPLE *luma = input[0][row], *blue = input[1][row], *red = input[2][row];
    JSAMPLE *to = output[0];
    for (JDIMENSION x = 0; x < info->output_width; x += 8, to += 24)
      to_rgb(to, wasm_u16x8_load8x8(luma + x), wasm_u16x8_load8x8(blue + x), wasm_u16x8_load8x8(red + x));
  }
}

static inline void dequantize(vec rows[8], JCOEFPTR block, const ISLOW_MULT_TYPE *factors) {
  for (int i = 0; i < 8; i++) rows[i] = wasm_i16x8_mul(wasm_v128_load(block + 8 * i), wasm_v128_load(factors + 8 * i));
}

/* Eight samples with their centre at 128, as bytes in both halves. */
static inline vec to_samples(vec row) {
  const vec samples = wasm_i16x8_add_sat(row, wasm_i16x8_splat(CENTERJSAMPLE));
  return wasm_u8x16_narrow_i16x8(samples, samples);
}

#define HERE(name) \
  int jsimd_can_##name(void) { return 1; } \
  void jsimd_##name(j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY output, JDIMENSION column)

HERE(idct_islow) {
  (void)info;
  vec rows[8];
  dequantize(rows, block, component->dct_table);
  idct_pass(rows, 1);
  transpose(rows);
  idct_pass(rows, 0);
  transpose(rows);
  for (int i = 0; i < 8; i++) wasm_v128_store64_lane(output[i] + column, to_samples(rows[i]), 0);
}

HERE(idct_4x4) {
  (void)info;
  vec rows[8];
  dequantize(rows, block, component->dct_table);
  idct_pass_4(rows, 12);
  transpose(rows);
  idct_pass_4(rows, 19);
  transpose(rows);
  for (int i = 0; i < 4; i++) wasm_v128_store32_lane(output[i] + column, to_samples(rows[i]), 0);
}

HERE(idct_2x2) {
  (void)info;
  vec rows[8];
  dequantize(rows, block, component->dct_table);
  idct_pass_2(rows, 13);
  transpose(rows);
  idct_pass_2(rows, 20);
  transpose(rows);
  for (int i = 0; i < 2; i++) wasm_v128_store16_lane(output[i] + column, to_samples(rows[i]), 0);
}
