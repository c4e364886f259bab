/* Eight pixels from RGB to YCbCr and back: jccolor.c and jdcolor.c, bit for bit, whose factors are Q16. Factors that need 17 bits are split. */
#pragma once
#include "vectors.h"

/* 16-bit lanes. */
typedef struct { vec y, cb, cr; } ycc;

static inline ycc from_rgb(const u8 *pixels) {
  const vec half = wasm_i32x4_splat(1 << 15), centre = wasm_i32x4_splat((128 << 16) + (1 << 15) - 1);
  /* Of green 38470 / 65536 are Y: half of it with red, half with blue. */
  const vec y_rg = PAIR(19595, 19235), y_bg = PAIR(7471, 19235), cb_rg = PAIR(-11059, -21709), cr_bg = PAIR(-5329, -27439);
  const vec first = wasm_v128_load(pixels), second = wasm_v128_load(pixels + 8);
  const vec rg0 = wasm_i8x16_swizzle(first, wasm_i8x16_make(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
  const vec bg0 = wasm_i8x16_swizzle(first, wasm_i8x16_make(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1));
  const vec rg1 = wasm_i8x16_swizzle(second, wasm_i8x16_make(4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1, 13, -1, 14, -1));
  const vec bg1 = wasm_i8x16_swizzle(second, wasm_i8x16_make(6, -1, 5, -1, 9, -1, 8, -1, 12, -1, 11, -1, 15, -1, 14, -1));
#define TO_LANES(sum0, sum1) wasm_u16x8_narrow_i32x4(wasm_u32x4_shr(sum0, 16), wasm_u32x4_shr(sum1, 16))
/* The even lane times 1 << 15. */
#define HALF_OF(pair) wasm_u32x4_shr(wasm_i32x4_shl(pair, 16), 1)
  return (ycc){
    .y = TO_LANES(ADD(ADD(DOT(rg0, y_rg), DOT(bg0, y_bg)), half), ADD(ADD(DOT(rg1, y_rg), DOT(bg1, y_bg)), half)),
    .cb = TO_LANES(ADD(ADD(DOT(rg0, cb_rg), HALF_OF(bg0)), centre), ADD(ADD(DOT(rg1, cb_rg), HALF_OF(bg1)), centre)),
    .cr = TO_LANES(ADD(ADD(DOT(bg0, cr_bg), HALF_OF(rg0)), centre), ADD(ADD(DOT(bg1, cr_bg), HALF_OF(rg1)), centre)),
  };
}

/* Writes 24 bytes. */
static inline void to_rgb(u8 *pixels, vec y, vec cb_bytes, vec cr_bytes) {
  const vec centre = wasm_i16x8_splat(128), half = wasm_i32x4_splat(1 << 15), zero = wasm_i32x4_splat(0);
  const vec red_cr = PAIR(91881 - 65536, 0), blue_cb = PAIR(116130 - 2 * 65536, 0), green_cb_cr = PAIR(-22554, 65536 - 46802);
  const vec cb = SUB16(cb_bytes, centre), cr = SUB16(cr_bytes, centre);
#define SCALED(a, b, factors) \
  wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(ADD(DOT(low_pairs(a, b), factors), half), 16), \
                          wasm_i32x4_shr(ADD(DOT(high_pairs(a, b), factors), half), 16))
  const vec r = ADD16(y, ADD16(cr, SCALED(cr, zero, red_cr)));
  const vec g = ADD16(y, SUB16(SCALED(cb, cr, green_cb_cr), cr));
  const vec b = ADD16(y, ADD16(ADD16(cb, cb), SCALED(cb, zero, blue_cb)));
  const vec rg = wasm_u8x16_narrow_i16x8(r, g), bb = wasm_u8x16_narrow_i16x8(b, b);
  wasm_v128_store(pixels, wasm_i8x16_shuffle(rg, bb, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5));
  wasm_v128_store64_lane(pixels + 16, wasm_i8x16_shuffle(rg, bb, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0), 0);
}
