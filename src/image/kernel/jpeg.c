/*
 * JPEG in and out by libjpeg-turbo, within one WebAssembly memory. Whatever the library warns of or refuses traps: the caller then drops the
 * whole instance, so that nothing of a hostile image stays behind, and leaves the verdict to sharp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jpeglib.h"
#include "kernel.h"

static void refuse(j_common_ptr info) {
  (void)info;
  __builtin_trap();
}

static void refuse_warning(j_common_ptr info, int level) {
  (void)info;
  if (level < 0) __builtin_trap();
}

static void ignore(j_common_ptr info) { (void)info; }

static void write_nothing(j_common_ptr info, char *buffer) {
  (void)info;
  buffer[0] = 0;
}

static struct jpeg_error_mgr errors = {
  .error_exit = refuse,
  .emit_message = refuse_warning,
  .output_message = ignore,
  .format_message = write_nothing,
  .reset_error_mgr = ignore,
};

#define ROWS 16

/* Names the next rows of an image without gaps, at most ROWS, and gives their number. */
static unsigned name_rows(JSAMPROW *rows, u8 *pixels, unsigned next, unsigned width, unsigned height) {
  const unsigned count = height - next < ROWS ? height - next : ROWS;
  for (unsigned row = 0; row < count; row++) rows[row] = pixels + (size_t)(next + row) * width * 3;
  return count;
}

/* Decoding. */

static struct jpeg_decompress_struct decoder;
static struct jpeg_source_mgr source;

static void begin_source(j_decompress_ptr info) { (void)info; }

static boolean end_of_source(j_decompress_ptr info) {
  (void)info;
  __builtin_trap();
}

static void skip_source(j_decompress_ptr info, long count) {
  (void)info;
  if (count <= 0) return;
  if ((size_t)count > source.bytes_in_buffer) __builtin_trap();
  source.next_input_byte += count;
  source.bytes_in_buffer -= (size_t)count;
}

/* Reads the header of the JPEG at `bytes`. */
EXPORT(open_jpeg) void open_jpeg(const u8 *bytes, size_t size) {
  if (decoder.err == NULL) {
    decoder.err = &errors;
    jpeg_create_decompress(&decoder);
    source.init_source = begin_source;
    source.fill_input_buffer = end_of_source;
    source.skip_input_data = skip_source;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = begin_source;
    decoder.src = &source;
  }
  source.next_input_byte = bytes;
  source.bytes_in_buffer = size;
  jpeg_read_header(&decoder, TRUE);
}

/* Sets the size to decode to, in eighths of the image's (1, 2, 4 or 8), which the inverse DCT does at no cost. */
EXPORT(scale_jpeg) void scale_jpeg(int eighths) {
  decoder.scale_num = (unsigned)eighths;
  decoder.scale_denom = 8;
  decoder.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&decoder);
}

EXPORT(jpeg_width) unsigned jpeg_width(void) { return decoder.output_width; }
EXPORT(jpeg_height) unsigned jpeg_height(void) { return decoder.output_height; }

/* Decodes the JPEG that was opened to 8-bit RGB without gaps between rows; up to SLACK bytes behind the last one are overwritten. */
EXPORT(decode_jpeg) void decode_jpeg(u8 *pixels) {
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW rows[ROWS];
    const unsigned count = name_rows(rows, pixels, decoder.output_scanline, decoder.output_width, decoder.output_height);
    jpeg_read_scanlines(&decoder, rows, count);
  }
  jpeg_finish_decompress(&decoder);
}

/* Encoding. */

static struct jpeg_compress_struct encoder;
static struct jpeg_destination_mgr destination;

static void begin_destination(j_compress_ptr info) { (void)info; }

static boolean full_destination(j_compress_ptr info) {
  (void)info;
  __builtin_trap();
}

/* Encodes RGB pixels without gaps between rows as baseline JPEG 4:2:0 and gives the size. Traps if `capacity` is too small. */
EXPORT(encode_jpeg) size_t encode_jpeg(u8 *pixels, int width, int height, int quality, u8 *bytes, size_t capacity) {
  if (encoder.err == NULL) {
    encoder.err = &errors;
    jpeg_create_compress(&encoder);
    destination.init_destination = begin_destination;
    destination.empty_output_buffer = full_destination;
    destination.term_destination = begin_destination;
    encoder.dest = &destination;
  }
  destination.next_output_byte = bytes;
  destination.free_in_buffer = capacity;
  encoder.image_width = (unsigned)width;
  encoder.image_height = (unsigned)height;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < encoder.image_height) {
    JSAMPROW rows[ROWS];
    const unsigned count = name_rows(rows, pixels, encoder.next_scanline, encoder.image_width, encoder.image_height);
    jpeg_write_scanlines(&encoder, rows, count);
  }
  jpeg_finish_compress(&encoder);
  return capacity - destination.free_in_buffer;
}
