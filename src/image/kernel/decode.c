/*
 * JPEG decoding by libjpeg-turbo. Whatever the library warns of or refuses traps: the caller then drops the whole instance, so that nothing of a
 * hostile image stays behind, and leaves the verdict to sharp.
 */
#include "library.h"
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

struct jpeg_error_mgr refusals = {
  .error_exit = refuse,
  .emit_message = refuse_warning,
  .output_message = ignore,
  .format_message = write_nothing,
  .reset_error_mgr = ignore,
};

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

/* Reads the header of the JPEG at `bytes` and sets the size to decode to, in eighths of the image's (1, 2, 4 or 8), by the inverse DCT. */
EXPORT(open_jpeg) void open_jpeg(const u8 *bytes, size_t size, i32 eighths) {
  /* One image's tables must not decode the next, which may lack its own. */
  if (decoder.err != NULL) jpeg_destroy_decompress(&decoder);
  decoder.err = &refusals;
  jpeg_create_decompress(&decoder);
  source.init_source = begin_source;
  source.fill_input_buffer = end_of_source;
  source.skip_input_data = skip_source;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = begin_source;
  decoder.src = &source;
  source.next_input_byte = bytes;
  source.bytes_in_buffer = size;
  jpeg_read_header(&decoder, TRUE);
  decoder.scale_num = (unsigned)eighths;
  decoder.scale_denom = 8;
  decoder.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&decoder);
}

EXPORT(jpeg_width) unsigned jpeg_width(void) { return decoder.output_width; }
EXPORT(jpeg_height) unsigned jpeg_height(void) { return decoder.output_height; }

#define ROWS 16

/* Decodes the JPEG that was opened to 8-bit RGB without gaps between rows; up to SLACK bytes behind the last one are overwritten. */
EXPORT(decode_jpeg) void decode_jpeg(u8 *pixels) {
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW rows[ROWS];
    const unsigned next = decoder.output_scanline, left = decoder.output_height - next, count = left < ROWS ? left : ROWS;
    for (unsigned row = 0; row < count; row++) rows[row] = pixels + (size_t)(next + row) * decoder.output_width * 3;
    jpeg_read_scanlines(&decoder, rows, count);
  }
  jpeg_finish_decompress(&decoder);
}

/* Planes: what the file holds, before chroma is brought to luma's size. */

/* How many planes the JPEG that was opened has: 1 for luma alone, 3 for YCbCr whose luma is the finest, 0 for all else. */
EXPORT(plane_count) i32 plane_count(void) {
  const jpeg_component_info *component = decoder.comp_info;
  if (decoder.jpeg_color_space == JCS_GRAYSCALE && decoder.num_components == 1) return 1;
  if (decoder.jpeg_color_space != JCS_YCbCr || decoder.num_components != 3) return 0;
  const int is_finest = component->h_samp_factor == decoder.max_h_samp_factor && component->v_samp_factor == decoder.max_v_samp_factor;
  return is_finest && component->DCT_scaled_size == decoder.min_DCT_scaled_size ? 3 : 0;
}

EXPORT(plane_width) unsigned plane_width(i32 index) { return decoder.comp_info[index].downsampled_width; }
EXPORT(plane_height) unsigned plane_height(i32 index) { return decoder.comp_info[index].downsampled_height; }

/* Bytes from one row of a plane to the next. */
EXPORT(plane_pitch) unsigned plane_pitch(i32 index) {
  return decoder.comp_info[index].width_in_blocks * (unsigned)decoder.comp_info[index].DCT_scaled_size;
}

static unsigned rows_at_once(i32 index) {
  return (unsigned)(decoder.comp_info[index].v_samp_factor * decoder.comp_info[index].DCT_scaled_size);
}

/* Rows that decoding writes to a plane. */
EXPORT(plane_rows) unsigned plane_rows(i32 index) { return decoder.total_iMCU_rows * rows_at_once(index); }

/* Samples of a plane for each pixel across and down. */
EXPORT(plane_scale_x) double plane_scale_x(i32 index) {
  return (double)(decoder.comp_info[index].h_samp_factor * decoder.comp_info[index].DCT_scaled_size) /
         (decoder.max_h_samp_factor * decoder.min_DCT_scaled_size);
}
EXPORT(plane_scale_y) double plane_scale_y(i32 index) {
  return (double)rows_at_once(index) / (decoder.max_v_samp_factor * decoder.min_DCT_scaled_size);
}

/* Decodes the JPEG that was opened to its planes, of which a gray one has the first alone. */
EXPORT(decode_planes) void decode_planes(u8 *luma, u8 *blue, u8 *red) {
  u8 *plane[3] = { luma, blue, red };
  JSAMPROW rows[3][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY images[3] = { rows[0], rows[1], rows[2] };
  decoder.raw_data_out = TRUE;
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    for (i32 index = 0; index < decoder.num_components; index++) {
      const unsigned pitch = plane_pitch(index), count = rows_at_once(index);
      for (unsigned row = 0; row < count; row++, plane[index] += pitch) rows[index][row] = plane[index];
    }
    jpeg_read_raw_data(&decoder, images, (unsigned)(decoder.max_v_samp_factor * decoder.min_DCT_scaled_size));
  }
  jpeg_finish_decompress(&decoder);
}
