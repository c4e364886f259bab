/*
 * libjpeg-turbo's interface to SIMD instructions (jsimd.h, jsimddct.h) for WebAssembly: the steps that take most of the time. Each gives bit for
 * bit what the library's portable C gives, for images that are not damaged; what is not here stays with that C.
 */
#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jsimd.h"
#include "jdct.h"
#include "jsimddct.h"
#include "kernel.h"

#define ADD wasm_i32x4_add
#define SUB wasm_i32x4_sub
#define DOT wasm_i32x4_dot_i16x8
#define ADD16 wasm_i16x8_add
#define SUB16 wasm_i16x8_sub
#define HERE(name) int jsimd_can_##name(void) { return 1; }

/* Two constants for DOT, against the even and the odd lanes. */
#define PAIR(even, odd) wasm_i32x4_splat((i32)(((uint32_t)(odd) << 16) | ((uint32_t)(even) & 0xffff)))

static inline vec low_pairs(vec a, vec b) { return wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
static inline vec high_pairs(vec a, vec b) { return wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }

/* Colours: jccolor.c and jdcolor.c, whose factors are Q16. Factors that need 17 bits are split. */

HERE(rgb_ycc)

void jsimd_rgb_ycc_convert(j_compress_ptr info, JSAMPARRAY input, JSAMPIMAGE output, JDIMENSION row, int row_count) {
  const vec half = wasm_i32x4_splat(1 << 15), centre = wasm_i32x4_splat((128 << 16) + (1 << 15) - 1);
  /* Of green 38470 / 65536 are Y: half of it with red, half with blue. */
  const vec y_rg = PAIR(19595, 19235), y_bg = PAIR(7471, 19235), cb_rg = PAIR(-11059, -21709), cr_bg = PAIR(-5329, -27439);
  for (; row_count > 0; row_count--, input++, row++) {
    const JSAMPLE *from = input[0];
    JSAMPLE *luma = output[0][row], *blue = output[1][row], *red = output[2][row];
    for (JDIMENSION x = 0; x < info->image_width; x += 8, from += 24) {
      const vec first = wasm_v128_load(from), second = wasm_v128_load(from + 8);
      const vec rg0 = wasm_i8x16_swizzle(first, wasm_i8x16_make(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
      const vec bg0 = wasm_i8x16_swizzle(first, wasm_i8x16_make(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1));
      const vec rg1 = wasm_i8x16_swizzle(second, wasm_i8x16_make(4, -1, 5, -1, 7, -1, 8, -1, 10, -1, 11, -1, 13, -1, 14, -1));
      const vec bg1 = wasm_i8x16_swizzle(second, wasm_i8x16_make(6, -1, 5, -1, 9, -1, 8, -1, 12, -1, 11, -1, 15, -1, 14, -1));
#define TO_LANES(sum0, sum1) wasm_u16x8_narrow_i32x4(wasm_u32x4_shr(sum0, 16), wasm_u32x4_shr(sum1, 16))
/* The even lane times 1 << 15. */
#define HALF_OF(pair) wasm_u32x4_shr(wasm_i32x4_shl(pair, 16), 1)
      const vec y = TO_LANES(ADD(ADD(DOT(rg0, y_rg), DOT(bg0, y_bg)), half), ADD(ADD(DOT(rg1, y_rg), DOT(bg1, y_bg)), half));
      const vec cb = TO_LANES(ADD(ADD(DOT(rg0, cb_rg), HALF_OF(bg0)), centre), ADD(ADD(DOT(rg1, cb_rg), HALF_OF(bg1)), centre));
      const vec cr = TO_LANES(ADD(ADD(DOT(bg0, cr_bg), HALF_OF(rg0)), centre), ADD(ADD(DOT(bg1, cr_bg), HALF_OF(rg1)), centre));
      wasm_v128_store64_lane(luma + x, wasm_u8x16_narrow_i16x8(y, y), 0);
      wasm_v128_store64_lane(blue + x, wasm_u8x16_narrow_i16x8(cb, cb), 0);
      wasm_v128_store64_lane(red + x, wasm_u8x16_narrow_i16x8(cr, cr), 0);
    }
  }
}

HERE(ycc_rgb)

/* Writes whole groups of 8 pixels, so that up to 21 bytes behind a row are overwritten: rows come from the top. */
void jsimd_ycc_rgb_convert(j_decompress_ptr info, JSAMPIMAGE input, JDIMENSION row, JSAMPARRAY output, int row_count) {
  const vec centre = wasm_i16x8_splat(128), half = wasm_i32x4_splat(1 << 15), zero = wasm_i32x4_splat(0);
  const vec red_cr = PAIR(91881 - 65536, 0), blue_cb = PAIR(116130 - 2 * 65536, 0), green_cb_cr = PAIR(-22554, 65536 - 46802);
  for (; row_count > 0; row_count--, output++, row++) {
    const JSAMPLE *luma = input[0][row], *blue = input[1][row], *red = input[2][row];
    JSAMPLE *to = output[0];
    for (JDIMENSION x = 0; x < info->output_width; x += 8, to += 24) {
      const vec y = wasm_u16x8_load8x8(luma + x);
      const vec cb = SUB16(wasm_u16x8_load8x8(blue + x), centre), cr = SUB16(wasm_u16x8_load8x8(red + x), centre);
#define SCALED(a, b, factors) \
  wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(ADD(DOT(low_pairs(a, b), factors), half), 16), \
                          wasm_i32x4_shr(ADD(DOT(high_pairs(a, b), factors), half), 16))
      const vec r = ADD16(y, ADD16(cr, SCALED(cr, zero, red_cr)));
      const vec g = ADD16(y, SUB16(SCALED(cb, cr, green_cb_cr), cr));
      const vec b = ADD16(y, ADD16(ADD16(cb, cb), SCALED(cb, zero, blue_cb)));
      const vec rg = wasm_u8x16_narrow_i16x8(r, g), bb = wasm_u8x16_narrow_i16x8(b, b);
      wasm_v128_store(to, wasm_i8x16_shuffle(rg, bb, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5));
      wasm_v128_store64_lane(to + 16, wasm_i8x16_shuffle(rg, bb, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0), 0);
    }
  }
}

/* Chroma at half the size: jcsample.c, whose rounding alternates. */

HERE(h2v2_downsample)

void jsimd_h2v2_downsample(j_compress_ptr info, jpeg_component_info *component, JSAMPARRAY input, JSAMPARRAY output) {
  const JDIMENSION width = component->width_in_blocks * DCTSIZE, known = info->image_width, wanted = 2 * width;
  for (int row = 0; row < info->max_v_samp_factor; row++)
    if (wanted > known) memset(input[row] + known, input[row][known - 1], wanted - known);
  for (int row = 0; row < component->v_samp_factor; row++) {
    const JSAMPLE *above = input[2 * row], *below = input[2 * row + 1];
    for (JDIMENSION x = 0; x < width; x += 8) {
      const vec sum = ADD16(wasm_u16x8_extadd_pairwise_u8x16(wasm_v128_load(above + 2 * x)),
                            wasm_u16x8_extadd_pairwise_u8x16(wasm_v128_load(below + 2 * x)));
      const vec mean = wasm_u16x8_shr(ADD16(sum, PAIR(1, 2)), 2);
      wasm_v128_store64_lane(output[row] + x, wasm_u8x16_narrow_i16x8(mean, mean), 0);
    }
  }
}

/* The DCT of Loeffler, Ligtenberg and Moschytz: jfdctint.c and jidctint.c, with 13-bit factors and 2 extra bits between the passes. */

static inline void transpose(vec rows[8]) {
  vec pairs[8], quads[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = low_pairs(rows[i], rows[i + 1]);
    pairs[i + 1] = high_pairs(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      quads[i + 2 * j] = wasm_i32x4_shuffle(pairs[i + j], pairs[i + 2 + j], 0, 4, 1, 5);
      quads[i + 2 * j + 1] = wasm_i32x4_shuffle(pairs[i + j], pairs[i + 2 + j], 2, 6, 3, 7);
    }
  for (int i = 0; i < 4; i++) {
    rows[2 * i] = wasm_i64x2_shuffle(quads[i], quads[4 + i], 0, 2);
    rows[2 * i + 1] = wasm_i64x2_shuffle(quads[i], quads[4 + i], 1, 3);
  }
}

#define ROUNDED(sum, bits) wasm_i32x4_shr(ADD(sum, wasm_i32x4_splat(1 << ((bits) - 1))), bits)
#define DESCALED(low, high) (is_first ? wasm_i16x8_narrow_i32x4(ROUNDED(low, 11), ROUNDED(high, 11)) \
                                      : wasm_i16x8_narrow_i32x4(ROUNDED(low, last_bits), ROUNDED(high, last_bits)))

/* The odd half, which both directions share but for the order of what goes in: sums of the pairs (a, d) and (b, c). */
typedef struct { vec a, b, c, d; } quartet;

static inline void odd_half(vec t0, vec t1, vec t2, vec t3, quartet *low, quartet *high) {
  const vec z3 = ADD16(t0, t2), z4 = ADD16(t1, t3);
  const vec for_z3 = PAIR(9633 - 16069, 9633), for_z4 = PAIR(9633, 9633 - 3196);
  const vec for_a = PAIR(2446 - 7373, -7373), for_d = PAIR(-7373, 12299 - 7373);
  const vec for_b = PAIR(16819 - 20995, -20995), for_c = PAIR(-20995, 25172 - 20995);
#define HALF(out, pairs) { \
    const vec z = pairs(z3, z4), outer = pairs(t0, t3), inner = pairs(t1, t2), sum3 = DOT(z, for_z3), sum4 = DOT(z, for_z4); \
    out->a = ADD(DOT(outer, for_a), sum3); \
    out->d = ADD(DOT(outer, for_d), sum4); \
    out->b = ADD(DOT(inner, for_b), sum4); \
    out->c = ADD(DOT(inner, for_c), sum3); \
  }
  HALF(low, low_pairs)
  HALF(high, high_pairs)
}

static inline void fdct_pass(vec rows[8], const int is_first) {
  const int last_bits = 15;
  const vec t0 = ADD16(rows[0], rows[7]), t7 = SUB16(rows[0], rows[7]), t1 = ADD16(rows[1], rows[6]), t6 = SUB16(rows[1], rows[6]);
  const vec t2 = ADD16(rows[2], rows[5]), t5 = SUB16(rows[2], rows[5]), t3 = ADD16(rows[3], rows[4]), t4 = SUB16(rows[3], rows[4]);
  const vec t10 = ADD16(t0, t3), t13 = SUB16(t0, t3), t11 = ADD16(t1, t2), t12 = SUB16(t1, t2);
  const vec sum = ADD16(t10, t11), difference = SUB16(t10, t11), two = wasm_i16x8_splat(2);
  rows[0] = is_first ? wasm_i16x8_shl(sum, 2) : wasm_i16x8_shr(ADD16(sum, two), 2);
  rows[4] = is_first ? wasm_i16x8_shl(difference, 2) : wasm_i16x8_shr(ADD16(difference, two), 2);
  const vec low_even = low_pairs(t13, t12), high_even = high_pairs(t13, t12);
  const vec for_2 = PAIR(4433 + 6270, 4433), for_6 = PAIR(4433, 4433 - 15137);
  rows[2] = DESCALED(DOT(low_even, for_2), DOT(high_even, for_2));
  rows[6] = DESCALED(DOT(low_even, for_6), DOT(high_even, for_6));
  quartet low, high;
  odd_half(t4, t5, t6, t7, &low, &high);
  rows[7] = DESCALED(low.a, high.a);
  rows[5] = DESCALED(low.b, high.b);
  rows[3] = DESCALED(low.c, high.c);
  rows[1] = DESCALED(low.d, high.d);
}

static inline void idct_pass(vec rows[8], const int is_first) {
  const int last_bits = 18;
  const vec for_t2 = PAIR(4433, 4433 - 15137), for_t3 = PAIR(4433 + 6270, 4433);
  quartet low, high;
  odd_half(rows[7], rows[5], rows[3], rows[1], &low, &high);
#define EVEN(name, pairs, extend) \
  const vec name##0 = extend(rows[0]), name##4 = extend(rows[4]), name##e = pairs(rows[2], rows[6]); \
  const vec name##s = wasm_i32x4_shl(ADD(name##0, name##4), 13), name##d = wasm_i32x4_shl(SUB(name##0, name##4), 13); \
  const vec name##2 = DOT(name##e, for_t2), name##3 = DOT(name##e, for_t3); \
  const vec name##10 = ADD(name##s, name##3), name##13 = SUB(name##s, name##3), name##11 = ADD(name##d, name##2), \
            name##12 = SUB(name##d, name##2);
  EVEN(l, low_pairs, wasm_i32x4_extend_low_i16x8)
  EVEN(h, high_pairs, wasm_i32x4_extend_high_i16x8)
#define BOTH(first, last, part, even) \
  rows[first] = DESCALED(ADD(l##even, low.part), ADD(h##even, high.part)); \
  rows[last] = DESCALED(SUB(l##even, low.part), SUB(h##even, high.part));
  BOTH(0, 7, d, 10)
  BOTH(1, 6, c, 11)
  BOTH(2, 5, b, 12)
  BOTH(3, 4, a, 13)
}

HERE(convsamp)

void jsimd_convsamp(JSAMPARRAY rows, JDIMENSION column, DCTELEM *block) {
  const vec centre = wasm_i16x8_splat(CENTERJSAMPLE);
  for (int i = 0; i < 8; i++) wasm_v128_store(block + 8 * i, SUB16(wasm_u16x8_load8x8(rows[i] + column), centre));
}

HERE(fdct_islow)

void jsimd_fdct_islow(DCTELEM *block) {
  vec rows[8];
  for (int i = 0; i < 8; i++) rows[i] = wasm_v128_load(block + 8 * i);
  transpose(rows);
  fdct_pass(rows, 1);
  transpose(rows);
  fdct_pass(rows, 0);
  for (int i = 0; i < 8; i++) wasm_v128_store(block + 8 * i, rows[i]);
}

HERE(idct_islow)

void jsimd_idct_islow(j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY output, JDIMENSION column) {
  (void)info;
  const ISLOW_MULT_TYPE *factors = component->dct_table;
  vec rows[8];
  for (int i = 0; i < 8; i++) rows[i] = wasm_i16x8_mul(wasm_v128_load(block + 8 * i), wasm_v128_load(factors + 8 * i));
  idct_pass(rows, 1);
  transpose(rows);
  idct_pass(rows, 0);
  transpose(rows);
  for (int i = 0; i < 8; i++) {
    const vec samples = wasm_i16x8_add_sat(rows[i], wasm_i16x8_splat(CENTERJSAMPLE));
    wasm_v128_store64_lane(output[i] + column, wasm_u8x16_narrow_i16x8(samples, samples), 0);
  }
}

/* Division by the quantization table, as two multiplications: compute_reciprocal() in jcdctmgr.c. */

static inline vec high_halves(vec a, vec b) {
  return wasm_u16x8_narrow_i32x4(wasm_u32x4_shr(wasm_u32x4_extmul_low_u16x8(a, b), 16),
                                 wasm_u32x4_shr(wasm_u32x4_extmul_high_u16x8(a, b), 16));
}

HERE(quantize)

void jsimd_quantize(JCOEFPTR output, DCTELEM *divisors, DCTELEM *block) {
  const DCTELEM *reciprocals = divisors, *corrections = divisors + 64, *scales = divisors + 128;
  for (int i = 0; i < 64; i += 8) {
    const vec value = wasm_v128_load(block + i), sign = wasm_i16x8_shr(value, 15);
    const vec size = wasm_i16x8_abs(value), correction = wasm_v128_load(corrections + i);
    /* The correction is at most half of the divisor and one: what is smaller by two becomes zero, as most coefficients do. */
    if (!wasm_v128_any_true(wasm_i16x8_gt(size, SUB16(correction, wasm_i16x8_splat(2))))) {
      wasm_v128_store(output + i, wasm_i16x8_splat(0));
      continue;
    }
    const vec corrected = ADD16(size, correction);
    const vec quotient = high_halves(high_halves(corrected, wasm_v128_load(reciprocals + i)), wasm_v128_load(scales + i));
    wasm_v128_store(output + i, SUB16(wasm_v128_xor(quotient, sign), sign));
  }
}
