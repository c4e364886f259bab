/*
 * Baseline JPEG 4:2:0 with the standard tables (ITU-T T.81) from planes. libjpeg-turbo writes the header and makes the tables of a quality; the
 * scan is written here, block after block, without its buffers between the steps, to the same bytes.
 */
#include <stdlib.h>
#include <string.h>
#include "library.h"
#include "dct.h"
#include "planes.h"

/* What coefficients are multiplied by, in natural order. */
typedef float quantizer[64];

#define SMALL 16

/* Code << 8 | bits of each symbol. */
typedef uint32_t huffman[256];

static struct {
  i32 quality;
  u8 header[1024];
  size_t header_size, frame;
  quantizer quantizers[2];
  huffman dc[2], ac[2];
  /* Bits << 8 | how many there are, of each run and each value from -SMALL to SMALL - 1, which most are. */
  uint32_t small[2][16][2 * SMALL];
  /* Positions in zigzag order, as bits, of what a row of a block has that is not zero. */
  uint64_t positions[8][256];
} made;

/* Natural order of each position in zigzag order. */
static const u8 NATURAL[64] = {
  0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

static void begin_destination(j_compress_ptr info) { (void)info; }

static boolean full_destination(j_compress_ptr info) {
  (void)info;
  __builtin_trap();
}

/* Annex C.2. */
static void derive_codes(const JHUFF_TBL *table, huffman codes) {
  uint32_t code = 0, index = 0;
  for (uint32_t bits = 1; bits <= 16; bits++, code <<= 1)
    for (i32 count = 0; count < table->bits[bits]; count++) codes[table->huffval[index++]] = code++ << 8 | bits;
}

static inline i32 bit_size(i32 value) { return value == 0 ? 0 : 32 - __builtin_clz((unsigned)(value < 0 ? -value : value)); }

/* The code of a symbol, and behind it the value in as few bits as it needs. */
static inline uint64_t bits_of_value(uint32_t code, i32 value, i32 size) {
  return (uint64_t)(code >> 8) << size | ((uint32_t)(value + (value >> 31)) & ((1u << size) - 1));
}

/* Has the library encode one small image, and keeps what is the same for all of this quality. */
static void prepare(i32 quality) {
  struct jpeg_compress_struct encoder;
  struct jpeg_destination_mgr destination = { made.header, sizeof made.header, begin_destination, full_destination, begin_destination };
  encoder.err = &refusals;
  jpeg_create_compress(&encoder);
  encoder.dest = &destination;
  encoder.image_width = encoder.image_height = 1;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_start_compress(&encoder, TRUE);
  u8 pixel[3] = { 0 };
  JSAMPROW row = pixel;
  jpeg_write_scanlines(&encoder, &row, 1);
  jpeg_finish_compress(&encoder);
  for (i32 table = 0; table < 2; table++) {
    derive_codes(encoder.dc_huff_tbl_ptrs[table], made.dc[table]);
    derive_codes(encoder.ac_huff_tbl_ptrs[table], made.ac[table]);
    for (i32 i = 0; i < 64; i++) {
      /* The DCT's results are 8 times too large. The factor is a little larger than that, so that halves go away from zero. */
      const i32 divisor = 8 * encoder.quant_tbl_ptrs[table]->quantval[i];
      made.quantizers[table][i] = (float)((1 + 0x1p-18) / divisor);
    }
  }
  jpeg_destroy_compress(&encoder);
  for (i32 table = 0; table < 2; table++)
    for (i32 run = 0; run < 16; run++)
      for (i32 value = -SMALL; value < SMALL; value++) {
        const i32 size = bit_size(value);
        const uint32_t code = made.ac[table][run << 4 | size];
        made.small[table][run][value + SMALL] = (uint32_t)bits_of_value(code, value, size) << 8 | ((code & 0xff) + (uint32_t)size);
      }
  for (i32 position = 0; position < 64; position++)
    for (i32 mask = 0; mask < 256; mask++)
      if (mask >> NATURAL[position] % 8 & 1) made.positions[NATURAL[position] / 8][mask] |= 1ull << position;
  size_t at = 2;
  while (made.header[at + 1] != 0xda) {
    if (made.header[at + 1] == 0xc0) made.frame = at;
    at += 2 + (size_t)(made.header[at + 2] << 8 | made.header[at + 3]);
  }
  made.header_size = at + 2 + made.header[at + 3];
  made.quality = quality;
}

#define MARKED 0x8080808080808080ull
#define ONES 0x0101010101010101ull

typedef struct {
  uint64_t bits;
  i32 free;
  u8 *to;
} bit_writer;

static u8 *write_escaped(u8 *to, uint64_t bits, i32 bytes) {
  for (i32 shift = 56; bytes > 0; shift -= 8, bytes--) {
    const u8 byte = (u8)(bits >> shift);
    *to++ = byte;
    /* A byte of ones needs a zero behind it. */
    if (byte == 0xff) *to++ = 0;
  }
  return to;
}

static inline u8 *flush(u8 *to, uint64_t bits) {
  if (bits & MARKED & ~(bits + ONES)) return write_escaped(to, bits, 8);
  const uint64_t ordered = __builtin_bswap64(bits);
  memcpy(to, &ordered, 8);
  return to + 8;
}

static inline void put(bit_writer *out, uint64_t code, i32 size) {
  out->free -= size;
  if (out->free >= 0) {
    out->bits = (out->bits << size) | code;
    return;
  }
  out->to = flush(out->to, (out->bits << (size + out->free)) | (code >> -out->free));
  out->free += 64;
  out->bits = code;
}

static inline void put_symbol(bit_writer *out, uint32_t code) { put(out, code >> 8, code & 0xff); }

static inline void put_value(bit_writer *out, uint32_t code, i32 value, i32 size) {
  put(out, bits_of_value(code, value, size), (i32)(code & 0xff) + size);
}

static inline void put_dc(bit_writer *out, const huffman codes, i32 value, i32 *last) {
  const i32 difference = value - *last, size = bit_size(difference);
  put_value(out, codes[size], difference, size);
  *last = value;
}

/* Integers by adding what leaves no bits for a fraction: the low half of each lane is the rounded product. */
static inline vec round_products(vec integers, const float *factors) {
  return wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(integers), wasm_v128_load(factors)), wasm_f32x4_splat(0x1.8p23f));
}

/* Quantizes one row of coefficients and tells by bits which are not zero. */
static inline uint32_t quantize(vec row, const float *by, i32 at, i16 *block) {
  const vec low = round_products(wasm_i32x4_extend_low_i16x8(row), by + at);
  const vec high = round_products(wasm_i32x4_extend_high_i16x8(row), by + at + 4);
  const vec values = wasm_i16x8_shuffle(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
  wasm_v128_store(block + at, values);
  return wasm_i16x8_bitmask(wasm_i16x8_ne(values, wasm_i16x8_splat(0)));
}

static inline void encode_block(bit_writer *writer, const u8 *samples, size_t pitch, i32 table, i32 *last) {
  const float *by = made.quantizers[table];
  const vec centre = wasm_i16x8_splat(128), first = wasm_i16x8_splat(samples[0]);
  vec rows[8], others = wasm_i16x8_splat(0);
  for (i32 y = 0; y < 8; y++, samples += pitch) {
    const vec row = wasm_u16x8_load8x8(samples);
    others = wasm_v128_or(others, wasm_v128_xor(row, first));
    rows[y] = SUB16(row, centre);
  }
  i16 block[64];
  uint64_t zigzag = 0;
  if (!wasm_v128_any_true(others)) {
    /* One colour. */
    quantize(wasm_i16x8_replace_lane(wasm_i16x8_splat(0), 0, (i16)(64 * wasm_i16x8_extract_lane(rows[0], 0))), by, 0, block);
  } else {
    transpose(rows);
    fdct_pass(rows, 1);
    transpose(rows);
    fdct_pass(rows, 0);
    for (i32 y = 0; y < 8; y++) zigzag |= made.positions[y][quantize(rows[y], by, 8 * y, block)];
  }
  /* A copy of its own stays in registers. */
  bit_writer copy = *writer, *out = &copy;
  put_dc(out, made.dc[table], block[0], last);

  zigzag &= ~1ull;
  const uint32_t *codes = made.ac[table];
  i32 before = 0;
  for (; zigzag != 0; zigzag &= zigzag - 1) {
    const i32 position = __builtin_ctzll(zigzag);
    i32 run = position - before - 1;
    before = position;
    const i32 value = block[NATURAL[position]];
    if (run < 16 && (uint32_t)(value + SMALL) < 2 * SMALL) {
      put_symbol(out, made.small[table][run][value + SMALL]);
      continue;
    }
    for (; run > 15; run -= 16) put_symbol(out, codes[0xf0]);
    const i32 size = bit_size(value);
    put_value(out, codes[run << 4 | size], value, size);
  }
  if (before < 63) put_symbol(out, codes[0]);
  *writer = copy;
}

/* More than 16 by 16 pixels can take: each of 6 times 64 values 27 bits, and a zero behind each byte. */
#define MAX_UNIT (6 * 64 * 27 / 8 * 2 + 16)

/* Encodes planes (planes.h), whole to the end of their blocks, and gives the size in bytes. Traps if `capacity` is too small. */
EXPORT(encode_planes) size_t encode_planes(u8 *first, i32 width, i32 height, i32 quality, u8 *bytes, size_t capacity) {
  if (quality != made.quality) prepare(quality);
  const planes from = planes_at(first, width, height);
  if (capacity < made.header_size) __builtin_trap();
  memcpy(bytes, made.header, made.header_size);
  const u8 size[4] = { (u8)(height >> 8), (u8)height, (u8)(width >> 8), (u8)width };
  memcpy(bytes + made.frame + 5, size, 4);
  bit_writer out = { 0, 64, bytes + made.header_size };
  i32 last[3] = { 0 };
  for (size_t y = 0; y < from.rows; y += 16)
    for (size_t x = 0; x < from.pitch; x += 16) {
      if (bytes + capacity - out.to < MAX_UNIT) __builtin_trap();
      const u8 *luma = from.luma + y * from.pitch + x;
      const size_t chroma = y / 2 * (from.pitch / 2) + x / 2;
      encode_block(&out, luma, from.pitch, 0, &last[0]);
      encode_block(&out, luma + 8, from.pitch, 0, &last[0]);
      encode_block(&out, luma + 8 * from.pitch, from.pitch, 0, &last[0]);
      encode_block(&out, luma + 8 * from.pitch + 8, from.pitch, 0, &last[0]);
      encode_block(&out, from.blue + chroma, from.pitch / 2, 1, &last[1]);
      encode_block(&out, from.red + chroma, from.pitch / 2, 1, &last[2]);
    }
  /* Ones fill the last byte. */
  const i32 used = 64 - out.free, fill = -used & 7;
  const uint64_t bits = out.bits << fill | ((1u << fill) - 1);
  if (used > 0) out.to = write_escaped(out.to, bits << (64 - used - fill), (used + fill) / 8);
  *out.to++ = 0xff;
  *out.to++ = 0xd9;
  return (size_t)(out.to - bytes);
}
