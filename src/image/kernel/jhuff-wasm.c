/*
 * Huffman coding of one block for libjpeg-turbo (jsimd.h): finds the coefficients that are not zero by vectors and visits only those, and
 * collects bits by 64. Gives what encode_one_block() in jchuff.c gives.
 */
#define JPEG_INTERNALS
#include "jinclude.h"
#include "jpeglib.h"
#include "jsimd.h"
#include "kernel.h"

#define MARKED 0x8080808080808080ull
#define ONES 0x0101010101010101ull

/* The first fields of working_state in jchuff.c. */
typedef struct {
  JOCTET *next_output_byte;
  size_t free_in_buffer;
  uint64_t put_buffer;
  int free_bits;
} working_state;

/* Position in zigzag order of each coefficient in natural order. */
static const u8 ZIGZAG[64] = {
  0,  1,  5,  6,  14, 15, 27, 28, 2,  4,  7,  13, 16, 26, 29, 42, 3,  8,  12, 17, 25, 30, 41, 43, 9,  11, 18, 24, 31, 40, 44, 53,
  10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38, 46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63,
};

typedef struct {
  uint64_t bits;
  int free;
  JOCTET *to;
} bit_writer;

static inline void flush(bit_writer *writer) {
  const uint64_t bits = writer->bits;
  /* A byte of ones needs a zero behind it. */
  if (bits & MARKED & ~(bits + ONES)) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      const JOCTET byte = (JOCTET)(bits >> shift);
      *writer->to++ = byte;
      if (byte == 0xff) *writer->to++ = 0;
    }
    return;
  }
  const uint64_t ordered = __builtin_bswap64(bits);
  memcpy(writer->to, &ordered, 8);
  writer->to += 8;
}

static inline void put(bit_writer *writer, uint64_t code, int size) {
  writer->free -= size;
  if (writer->free >= 0) {
    writer->bits = (writer->bits << size) | code;
    return;
  }
  writer->bits = (writer->bits << (size + writer->free)) | (code >> -writer->free);
  flush(writer);
  writer->free += 64;
  writer->bits = code;
}

/* The code of a symbol, and behind it the value in as few bits as it needs. */
static inline void put_value(bit_writer *writer, const c_derived_tbl *table, int symbol, int value, int size) {
  const uint64_t value_bits = (uint32_t)(value + (value >> 31)) & ((1u << size) - 1);
  put(writer, ((uint64_t)table->ehufco[symbol] << size) | value_bits, table->ehufsi[symbol] + size);
}

static inline int bit_size(int value) { return value == 0 ? 0 : 32 - __builtin_clz((unsigned)(value < 0 ? -value : value)); }

int jsimd_can_huff_encode_one_block(void) { return 1; }

JOCTET *jsimd_huff_encode_one_block(void *opaque, JOCTET *buffer, JCOEFPTR block, int last_dc, c_derived_tbl *dc_table,
                                    c_derived_tbl *ac_table) {
  working_state *state = opaque;
  bit_writer writer = { state->put_buffer, state->free_bits, buffer };
  const int difference = block[0] - last_dc, dc_size = bit_size(difference);
  put_value(&writer, dc_table, dc_size, difference, dc_size);

  const vec zero = wasm_i16x8_splat(0);
  uint64_t natural = 0, zigzag = 0;
  for (int i = 0; i < 64; i += 16) {
    const vec low = wasm_i16x8_ne(wasm_v128_load(block + i), zero), high = wasm_i16x8_ne(wasm_v128_load(block + i + 8), zero);
    natural |= (uint64_t)wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(low, high)) << i;
  }
  for (natural &= ~1ull; natural != 0; natural &= natural - 1) zigzag |= 1ull << ZIGZAG[__builtin_ctzll(natural)];

  int last = 0;
  for (; zigzag != 0; zigzag &= zigzag - 1) {
    const int position = __builtin_ctzll(zigzag);
    int run = position - last - 1;
    last = position;
    for (; run > 15; run -= 16) put(&writer, ac_table->ehufco[0xf0], ac_table->ehufsi[0xf0]);
    const int value = block[jpeg_natural_order[position]], size = bit_size(value);
    put_value(&writer, ac_table, (run << 4) | size, value, size);
  }
  if (last < 63) put(&writer, ac_table->ehufco[0], ac_table->ehufsi[0]);
  state->put_buffer = writer.bits;
  state->free_bits = writer.free;
  return writer.to;
}
