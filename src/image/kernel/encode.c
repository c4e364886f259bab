/*
 * Baseline JPEG 4:2:0 with the standard tables (ITU-T T.81) from planes. libjpeg-turbo writes the header and makes the tables of a quality; the
 * scan is written here, block after block, without its buffers between the steps, to the same bytes.
 */
#include <stdlib.h>
#include <string.h>
#include "library.h"
#include "dct.h"
#include "images.h"

/* What coefficients in natural order are multiplied by: Q32. */
typedef i32 quantizer[64];

#define SMALL 64

/* What is to be written: bits << 8 | how many there are, at most 24. */
typedef uint32_t symbol;

/* Of each byte that Huffman codes stand for. */
typedef symbol huffman[256];

static struct {
  i32 quality;
  u8 header[1024];
  size_t header_size, frame;
  quantizer quantizers[2];
  /* The least of what is not zero after quantizing, less 1. */
  i16 zero[2][64];
  huffman dc[2], ac[2];
  /* Each run and each value from -SMALL to SMALL - 1, which most are. */
  symbol small[2][16][2 * SMALL];
  /* Positions in zigzag order, as bits, of what a row of a block has that is not zero. */
  uint64_t positions[8][256];
  /* What stands for a unit that is as the one before and of one colour. */
  symbol unchanged[2];
} made;

/* Natural order of each position in zigzag order. */
static const u8 NATURAL[64] = {
  0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* Six blocks are a unit: four of luma and two of chroma. */
static inline i32 component_of(i32 block) { return block < 4 ? 0 : block - 3; }

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

/* A code, and behind it the value in as few bits as it needs. */
static inline symbol symbol_of_value(symbol code, i32 value, i32 size) {
  const uint32_t bits = (code >> 8) << size | ((uint32_t)(value + (value >> 31)) & ((1u << size) - 1));
  return bits << 8 | ((code & 0xff) + (uint32_t)size);
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
      /* The DCT's results are 8 times too large. The factor is a little larger than its inverse, so that halves go away from zero. */
      const i32 divisor = 8 * encoder.quant_tbl_ptrs[table]->quantval[i];
      made.quantizers[table][i] = (i32)((1ll << 32) / divisor + 1);
      made.zero[table][i] = (i16)(divisor / 2 - 1);
    }
  }
  jpeg_destroy_compress(&encoder);
  for (i32 table = 0; table < 2; table++)
    for (i32 run = 0; run < 16; run++)
      for (i32 value = -SMALL; value < SMALL; value++) {
        const i32 size = bit_size(value);
        made.small[table][run][value + SMALL] = symbol_of_value(made.ac[table][run << 4 | size], value, size);
      }
  for (i32 position = 0; position < 64; position++)
    for (i32 mask = 0; mask < 256; mask++)
      if (mask >> NATURAL[position] % 8 & 1) made.positions[NATURAL[position] / 8][mask] |= 1ull << position;
  for (i32 table = 0; table < 2; table++) {
    uint64_t bits = 0;
    i32 size = 0;
    for (i32 at = 0; at < (table == 0 ? 4 : 2); at++) {
      const symbol codes[2] = { made.dc[table][0], made.ac[table][0] };
      for (i32 code = 0; code < 2; code++) {
        bits = bits << (codes[code] & 0xff) | codes[code] >> 8;
        size += codes[code] & 0xff;
      }
    }
    made.unchanged[table] = (symbol)bits << 8 | (symbol)size;
  }
  size_t at = 2;
  while (made.header[at + 1] != 0xda) {
    if (made.header[at + 1] == 0xc0) made.frame = at;
    at += 2 + (size_t)(made.header[at + 2] << 8 | made.header[at + 3]);
  }
  made.header_size = at + 2 + made.header[at + 3];
  made.quality = quality;
}

/* A block after the DCT, in natural order and but for `dc` not yet quantized, and the positions in zigzag order of what is not zero afterwards. */
typedef struct {
  i16 values[64];
  uint64_t zigzag;
  i32 dc;
} block;

static inline i32 quantize(i32 value, i32 by) { return (i32)(((i64)value * by + (1ll << 31)) >> 32); }

/* Which of two rows are not zero after quantizing, as bits. */
static inline uint32_t not_zero(const vec rows[2], const i16 *zero) {
  return wasm_i8x16_bitmask(wasm_i8x16_narrow_i16x8(wasm_i16x8_gt(wasm_i16x8_abs(rows[0]), wasm_v128_load(zero)),
                                                    wasm_i16x8_gt(wasm_i16x8_abs(rows[1]), wasm_v128_load(zero + 8))));
}

/* Not inlined, so that vectors here and bits there have the registers to themselves. */
__attribute__((noinline)) static void transform_block(const u8 *samples, size_t pitch, i32 table, block *to) {
  const i16 *zero = made.zero[table];
  const vec centre = wasm_i16x8_splat(128), first = wasm_i16x8_splat(samples[0]);
  vec rows[8], others = wasm_i16x8_splat(0);
  for (i32 y = 0; y < 8; y++, samples += pitch) {
    const vec row = wasm_u16x8_load8x8(samples);
    others = wasm_v128_or(others, wasm_v128_xor(row, first));
    rows[y] = SUB16(row, centre);
  }
  to->zigzag = 0;
  if (!wasm_v128_any_true(others)) {
    /* One colour. */
    to->dc = quantize(64 * wasm_i16x8_extract_lane(rows[0], 0), made.quantizers[table][0]);
    return;
  }
  transpose(rows);
  fdct_pass(rows, 1);
  transpose(rows);
  fdct_pass(rows, 0);
  for (i32 y = 0; y < 8; y++) wasm_v128_store(to->values + 8 * y, rows[y]);
  const uint32_t upper = not_zero(rows, zero) | not_zero(rows + 2, zero + 16) << 16;
  const uint32_t lower = not_zero(rows + 4, zero + 32) | not_zero(rows + 6, zero + 48) << 16;
  uint64_t zigzag = 0;
  for (i32 y = 0; y < 4; y++) zigzag |= made.positions[y][upper >> 8 * y & 0xff];
  if (lower != 0)
    for (i32 y = 0; y < 4; y++) zigzag |= made.positions[4 + y][lower >> 8 * y & 0xff];
  to->zigzag = zigzag & ~1ull;
  to->dc = quantize(to->values[0], made.quantizers[table][0]);
}

/* Lists what a block has. Not inlined, so that this has the registers to itself. */
__attribute__((noinline)) static symbol *list_block(const block *from, i32 table, i32 *last, symbol *to) {
  const i32 *by = made.quantizers[table];
  const symbol *small = made.small[table][0] + SMALL;
  const symbol *codes = made.ac[table];
  const i32 difference = from->dc - *last, dc_size = bit_size(difference);
  *last = from->dc;
  *to++ = symbol_of_value(made.dc[table][dc_size], difference, dc_size);
  i32 before = 0;
  for (uint64_t zigzag = from->zigzag; zigzag != 0; zigzag &= zigzag - 1) {
    const i32 position = __builtin_ctzll(zigzag), at = NATURAL[position];
    i32 run = position - before - 1;
    before = position;
    const i32 value = quantize(from->values[at], by[at]);
    /* Less than 16 and 2 * SMALL. */
    if (((uint32_t)(value + SMALL) | (uint32_t)run * (2 * SMALL / 16)) < 2 * SMALL) {
      *to++ = small[run * (2 * SMALL) + value];
      continue;
    }
    for (; run > 15; run -= 16) *to++ = codes[0xf0];
    const i32 size = bit_size(value);
    *to++ = codes[run << 4 | size];
    *to++ = symbol_of_value(0, value, size);
  }
  if (before < 63) *to++ = codes[0];
  return to;
}

/* Whether nothing is to be written but that all is as in the unit before: much of what lies around a product. */
static inline int is_unchanged(const block blocks[6], const i32 last[3]) {
  uint64_t changes = 0;
  for (i32 at = 0; at < 6; at++) changes |= blocks[at].zigzag | (uint32_t)(blocks[at].dc ^ last[component_of(at)]);
  return changes == 0;
}

/* More than 16 by 16 pixels can have: each of 6 times 64 values two, three for runs of zeros, and an empty one at the end. */
#define MAX_SYMBOLS (6 * (2 * 64 + 3) + 1)

/* Lists what 16 by 16 pixels have, and gives the end of it. */
static symbol *list_unit(const block blocks[6], i32 last[3], symbol *to) {
  if (is_unchanged(blocks, last)) {
    *to++ = made.unchanged[0];
    *to++ = made.unchanged[1];
  } else
    for (i32 at = 0; at < 6; at++) to = list_block(&blocks[at], at >= 4, &last[component_of(at)], to);
  return to;
}

/* Bits that are not yet written are the lowest `count` of `bits`, fewer than 8; what is above them is no longer used. Bytes are written downwards. */
typedef struct {
  uint64_t bits;
  u8 *to;
  i32 count;
} bit_writer;

/* Writes symbols two by two; behind an odd number of them an empty one is read. No branch depends on where bytes end: a part of one is overwritten. */
__attribute__((noinline)) static void write_symbols(bit_writer *writer, const symbol *from, symbol *end) {
  *end = 0;
  /* A copy of its own stays in registers. */
  bit_writer out = *writer;
  for (; from < end; from += 2) {
    const i32 first = from[0] & 0xff, second = from[1] & 0xff;
    out.bits = (out.bits << first | from[0] >> 8) << second | from[1] >> 8;
    out.count += first + second;
    const uint64_t left = out.bits << (-out.count & 63);
    out.to -= 8;
    memcpy(out.to, &left, 8);
    out.to += 8 - (out.count >> 3);
    out.count &= 7;
  }
  *writer = out;
}

/* Copies bytes that end at `from` and go downwards, and puts a zero behind each byte of ones, as F.1.2.3 has it. */
static u8 *copy_scan(const u8 *from, size_t size, u8 *to) {
  for (const u8 *end = from - size; from > end; from -= 16) {
    const vec read = wasm_v128_load(from - 16);
    const vec bytes = wasm_i8x16_shuffle(read, read, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    if (from - end >= 16 && !wasm_v128_any_true(wasm_i8x16_eq(bytes, wasm_i8x16_splat(-1)))) {
      wasm_v128_store(to, bytes);
      to += 16;
      continue;
    }
    for (const u8 *next = from; next > end && next > from - 16;) {
      const u8 byte = *--next;
      *to++ = byte;
      if (byte == 0xff) *to++ = 0;
    }
  }
  return to;
}

/* More than 16 by 16 pixels can take: each of 6 times 64 values 27 bits. */
#define MAX_UNIT (6 * 64 * 27 / 8 + 16)

static area scan_area, encoded_area;

/* Writes the scan of planes that are whole to the end of their blocks, downwards from the end of the area, and gives its size in bytes. */
static size_t write_scan(const image *from, size_t capacity) {
  const plane *luma = &from->planes[0], *blue = &from->planes[1], *red = &from->planes[2];
  u8 *first = reserve(&scan_area, capacity);
  bit_writer out = { 0, first + capacity, 0 };
  i32 last[3] = { 0 };
  for (i32 y = 0; y < from->height; y += 16)
    for (i32 x = 0; x < from->width; x += 16) {
      if (out.to - first < MAX_UNIT) __builtin_trap();
      const size_t pitch = (size_t)luma->pitch, chroma_pitch = (size_t)blue->pitch, chroma = y / 2 * chroma_pitch + x / 2;
      const u8 *above = luma->samples + y * pitch + x, *below = above + 8 * pitch;
      block blocks[6];
      transform_block(above, pitch, 0, &blocks[0]);
      transform_block(above + 8, pitch, 0, &blocks[1]);
      transform_block(below, pitch, 0, &blocks[2]);
      transform_block(below + 8, pitch, 0, &blocks[3]);
      transform_block(blue->samples + chroma, chroma_pitch, 1, &blocks[4]);
      transform_block(red->samples + chroma, chroma_pitch, 1, &blocks[5]);
      symbol symbols[MAX_SYMBOLS];
      write_symbols(&out, symbols, list_unit(blocks, last, symbols));
    }
  /* Ones fill the last byte. */
  symbol fill[2] = { 0x7f << 8 | 7 };
  if (out.count > 0) write_symbols(&out, fill, fill + 1);
  return (size_t)(first + capacity - out.to);
}

static size_t encoded_size;

/* Encodes an image, RGB or subsampled planes after they were padded, and gives where its bytes lie: `encoded_bytes` of them. */
EXPORT(encode) const u8 *encode(const image *from, i32 quality) {
  if (quality != made.quality) prepare(quality);
  if (from->channels == 3) {
    image *planes = canvas(0, SUBSAMPLED, from->width, from->height);
    split_rgb(from, planes);
    from = planes;
  }
  /* As many bytes as the pixels have: only noise at the highest quality takes more, which is refused. */
  const size_t capacity = (size_t)from->width * from->height * 3 + 65536, size = write_scan(from, capacity);
  u8 *bytes = reserve(&encoded_area, made.header_size + 2 * size + 2), *to = bytes + made.header_size;
  memcpy(bytes, made.header, made.header_size);
  const u8 sides[4] = { (u8)(from->height >> 8), (u8)from->height, (u8)(from->width >> 8), (u8)from->width };
  memcpy(bytes + made.frame + 5, sides, 4);
  to = copy_scan((u8 *)scan_area.at + capacity, size, to);
  *to++ = 0xff;
  *to++ = 0xd9;
  encoded_size = (size_t)(to - bytes);
  return bytes;
}

EXPORT(encoded_bytes) size_t encoded_bytes(void) { return encoded_size; }
