/* The DCT of Loeffler, Ligtenberg and Moschytz as in jfdctint.c and jidctint.c, bit for bit: 13-bit factors, 2 extra bits between the passes. */
#pragma once
#include "vectors.h"

#define ROUNDED(sum, bits) wasm_i32x4_shr(ADD(sum, wasm_i32x4_splat(1 << ((bits) - 1))), bits)
#define DESCALED(low, high, bits) wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, bits), wasm_i32x4_shr(high, bits))

/* The odd half, which both directions share but for the order of what goes in: sums of the pairs (a, d) and (b, c), each with `round` added. */
typedef struct { vec a, b, c, d; } quartet;

static inline void odd_half(vec t0, vec t1, vec t2, vec t3, vec round, quartet *low, quartet *high) {
  const vec z3 = ADD16(t0, t2), z4 = ADD16(t1, t3);
  const vec for_z3 = PAIR(9633 - 16069, 9633), for_z4 = PAIR(9633, 9633 - 3196);
  const vec for_a = PAIR(2446 - 7373, -7373), for_d = PAIR(-7373, 12299 - 7373);
  const vec for_b = PAIR(16819 - 20995, -20995), for_c = PAIR(-20995, 25172 - 20995);
#define HALF(out, pairs) { \
    const vec z = pairs(z3, z4), outer = pairs(t0, t3), inner = pairs(t1, t2), sum3 = ADD(DOT(z, for_z3), round), sum4 = ADD(DOT(z, for_z4), round); \
    out->a = ADD(DOT(outer, for_a), sum3); \
    out->d = ADD(DOT(outer, for_d), sum4); \
    out->b = ADD(DOT(inner, for_b), sum4); \
    out->c = ADD(DOT(inner, for_c), sum3); \
  }
  HALF(low, low_pairs)
  HALF(high, high_pairs)
}

static inline void fdct_pass(vec rows[8], const int is_first) {
  const int bits = is_first ? 11 : 15;
  const vec round = wasm_i32x4_splat(1 << (bits - 1));
  const vec t0 = ADD16(rows[0], rows[7]), t7 = SUB16(rows[0], rows[7]), t1 = ADD16(rows[1], rows[6]), t6 = SUB16(rows[1], rows[6]);
  const vec t2 = ADD16(rows[2], rows[5]), t5 = SUB16(rows[2], rows[5]), t3 = ADD16(rows[3], rows[4]), t4 = SUB16(rows[3], rows[4]);
  const vec t10 = ADD16(t0, t3), t13 = SUB16(t0, t3), t11 = ADD16(t1, t2), t12 = SUB16(t1, t2);
  const vec sum = ADD16(t10, t11), difference = SUB16(t10, t11), two = wasm_i16x8_splat(2);
  rows[0] = is_first ? wasm_i16x8_shl(sum, 2) : wasm_i16x8_shr(ADD16(sum, two), 2);
  rows[4] = is_first ? wasm_i16x8_shl(difference, 2) : wasm_i16x8_shr(ADD16(difference, two), 2);
  const vec low_even = low_pairs(t13, t12), high_even = high_pairs(t13, t12);
  const vec for_2 = PAIR(4433 + 6270, 4433), for_6 = PAIR(4433, 4433 - 15137);
  rows[2] = DESCALED(ADD(DOT(low_even, for_2), round), ADD(DOT(high_even, for_2), round), bits);
  rows[6] = DESCALED(ADD(DOT(low_even, for_6), round), ADD(DOT(high_even, for_6), round), bits);
  quartet low, high;
  odd_half(t4, t5, t6, t7, round, &low, &high);
  rows[7] = DESCALED(low.a, high.a, bits);
  rows[5] = DESCALED(low.b, high.b, bits);
  rows[3] = DESCALED(low.c, high.c, bits);
  rows[1] = DESCALED(low.d, high.d, bits);
}

static inline void idct_pass(vec rows[8], const int is_first) {
  const int bits = is_first ? 11 : 18;
  const vec round = wasm_i32x4_splat(1 << (bits - 1));
  const vec for_t2 = PAIR(4433, 4433 - 15137), for_t3 = PAIR(4433 + 6270, 4433);
  quartet low, high;
  odd_half(rows[7], rows[5], rows[3], rows[1], wasm_i32x4_splat(0), &low, &high);
#define EVEN(name, pairs, extend) \
  const vec name##0 = extend(rows[0]), name##4 = extend(rows[4]), name##e = pairs(rows[2], rows[6]); \
  const vec name##s = ADD(wasm_i32x4_shl(ADD(name##0, name##4), 13), round), name##d = ADD(wasm_i32x4_shl(SUB(name##0, name##4), 13), round); \
  const vec name##2 = DOT(name##e, for_t2), name##3 = DOT(name##e, for_t3); \
  const vec name##10 = ADD(name##s, name##3), name##13 = SUB(name##s, name##3), name##11 = ADD(name##d, name##2), \
            name##12 = SUB(name##d, name##2);
  EVEN(l, low_pairs, wasm_i32x4_extend_low_i16x8)
  EVEN(h, high_pairs, wasm_i32x4_extend_high_i16x8)
#define BOTH(first, last, part, even) \
  rows[first] = DESCALED(ADD(l##even, low.part), ADD(h##even, high.part), bits); \
  rows[last] = DESCALED(SUB(l##even, low.part), SUB(h##even, high.part), bits);
  BOTH(0, 7, d, 10)
  BOTH(1, 6, c, 11)
  BOTH(2, 5, b, 12)
  BOTH(3, 4, a, 13)
}

/* The inverse at a half and a quarter of the size: jidctred.c, whose odd parts are sums over the odd rows. */

typedef struct { vec low, high; } wide;

static inline wide weighted(vec a, vec b, vec for_ab, vec c, vec d, vec for_cd) {
  return (wide){ ADD(DOT(low_pairs(a, b), for_ab), DOT(low_pairs(c, d), for_cd)), ADD(DOT(high_pairs(a, b), for_ab), DOT(high_pairs(c, d), for_cd)) };
}

static inline wide scaled(vec row, int bits) {
  return (wide){ wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(row), bits), wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(row), bits) };
}

#define SUM(a, b, bits) wasm_i16x8_narrow_i32x4(ROUNDED(ADD((a).low, (b).low), bits), ROUNDED(ADD((a).high, (b).high), bits))
#define DIFFERENCE(a, b, bits) wasm_i16x8_narrow_i32x4(ROUNDED(SUB((a).low, (b).low), bits), ROUNDED(SUB((a).high, (b).high), bits))

/* Eight rows become two, those behind them zero; `bits` are descaled. */
static inline void idct_pass_2(vec rows[8], int bits) {
  const wide even = scaled(rows[0], 15);
  const wide odd = weighted(rows[1], rows[3], PAIR(29692, -10426), rows[5], rows[7], PAIR(6967, -5906));
  rows[0] = SUM(even, odd, bits);
  rows[1] = DIFFERENCE(even, odd, bits);
  for (int i = 2; i < 8; i++) rows[i] = wasm_i16x8_splat(0);
}

/* Eight rows become four, those behind them zero. */
static inline void idct_pass_4(vec rows[8], int bits) {
  const vec zero = wasm_i16x8_splat(0);
  const wide dc = scaled(rows[0], 14), even = weighted(rows[2], rows[6], PAIR(15137, -6270), zero, zero, zero);
  const wide outer = { ADD(dc.low, even.low), ADD(dc.high, even.high) }, inner = { SUB(dc.low, even.low), SUB(dc.high, even.high) };
  const wide odd_outer = weighted(rows[1], rows[3], PAIR(20995, 7373), rows[5], rows[7], PAIR(-4926, -4176));
  const wide odd_inner = weighted(rows[1], rows[3], PAIR(8697, -17799), rows[5], rows[7], PAIR(11893, -1730));
  rows[0] = SUM(outer, odd_outer, bits);
  rows[1] = SUM(inner, odd_inner, bits);
  rows[2] = DIFFERENCE(inner, odd_inner, bits);
  rows[3] = DIFFERENCE(outer, odd_outer, bits);
  for (int i = 4; i < 8; i++) rows[i] = zero;
}
