/* Short names for what is done to vectors all over the kernel. */
#pragma once
#include "kernel.h"

#define ADD wasm_i32x4_add
#define SUB wasm_i32x4_sub
#define DOT wasm_i32x4_dot_i16x8
#define ADD16 wasm_i16x8_add
#define SUB16 wasm_i16x8_sub

/* Two constants for DOT, against the even and the odd lanes. */
#define PAIR(even, odd) wasm_i32x4_splat((i32)(((uint32_t)(odd) << 16) | ((uint32_t)(even) & 0xffff)))

static inline vec low_pairs(vec a, vec b) { return wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
static inline vec high_pairs(vec a, vec b) { return wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }

/* Eight rows of eight lanes become columns. */
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
