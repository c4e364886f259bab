/*
 * JPEG decoding by libjpeg-turbo. Whatever the library warns of or refuses traps: the caller then drops the whole instance, so that nothing of a
 * hostile image stays behind, and leaves the verdict to sharp.
 */
#include "library.h"
#include "rearrange.h"

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

static area file_area, decoded_area, upright_area;
static image decoded, upright;

/* Where the bytes of a JPEG are written before it is opened. */
EXPORT(file) u8 *file(size_t size) { return reserve(&file_area, size); }

/*
 * Reads the header of the JPEG in `file` and sets the size to decode to, in eighths of the image's (1, 2, 4 or 8), by the inverse DCT. Traps if the
 * image has another size than was told, for which boxes were drawn.
 */
EXPORT(open_jpeg) void open_jpeg(size_t size, i32 eighths, unsigned width, unsigned height) {
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
  source.next_input_byte = file_area.at;
  source.bytes_in_buffer = size;
  jpeg_read_header(&decoder, TRUE);
  decoder.scale_num = (unsigned)eighths;
  decoder.scale_denom = 8;
  decoder.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&decoder);
  if (decoder.image_width != width || decoder.image_height != height) __builtin_trap();
}

#define ROWS 16

/* Decodes the JPEG that was opened to RGB, upright by EXIF's orientation; up to SLACK bytes behind the last pixel are overwritten. */
EXPORT(decode_rgb) image *decode_rgb(i32 orientation) {
  const i32 width = (i32)decoder.output_width, height = (i32)decoder.output_height;
  make_image(&decoded, &decoded_area, RGB, width, height);
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW rows[ROWS];
    const unsigned next = decoder.output_scanline, left = decoder.output_height - next, count = left < ROWS ? left : ROWS;
    for (unsigned row = 0; row < count; row++) rows[row] = decoded.planes[0].samples + (size_t)(next + row) * decoded.planes[0].pitch;
    jpeg_read_scanlines(&decoder, rows, count);
  }
  jpeg_finish_decompress(&decoder);
  if (orientation == 1) return &decoded;
  make_image(&upright, &upright_area, RGB, orientation >= 5 ? height : width, orientation >= 5 ? width : height);
  orient(&decoded, &upright, orientation);
  return &upright;
}

/* Planes: what the file holds, before chroma is brought to luma's size. */

/* How many planes the JPEG that was opened has: 1 for luma alone, 3 for YCbCr whose luma is the finest, 0 for all else. */
static i32 plane_count(void) {
  const jpeg_component_info *component = decoder.comp_info;
  if (decoder.jpeg_color_space == JCS_GRAYSCALE && decoder.num_components == 1) return 1;
  if (decoder.jpeg_color_space != JCS_YCbCr || decoder.num_components != 3) return 0;
  const int is_finest = component->h_samp_factor == decoder.max_h_samp_factor && component->v_samp_factor == decoder.max_v_samp_factor;
  return is_finest && component->DCT_scaled_size == decoder.min_DCT_scaled_size ? 3 : 0;
}

static unsigned rows_at_once(i32 index) {
  return (unsigned)(decoder.comp_info[index].v_samp_factor * decoder.comp_info[index].DCT_scaled_size);
}

static void place_planes(i32 count) {
  decoded = (image){ (i32)decoder.output_width, (i32)decoder.output_height, 1, count, { { 0 } } };
  size_t offsets[3], size = 0;
  for (i32 at = 0; at < count; at++) {
    const jpeg_component_info *component = &decoder.comp_info[at];
    const unsigned pitch = component->width_in_blocks * (unsigned)component->DCT_scaled_size;
    offsets[at] = size;
    /* Eight rows at once are resampled, of which the last ones may lie behind the plane. */
    size += (size_t)pitch * (decoder.total_iMCU_rows * rows_at_once(at) + 8);
    decoded.planes[at] = (plane){
      .pitch = (i32)pitch,
      .width = (i32)component->downsampled_width,
      .height = (i32)component->downsampled_height,
      .scale_x = (double)(component->h_samp_factor * component->DCT_scaled_size) / (decoder.max_h_samp_factor * decoder.min_DCT_scaled_size),
      .scale_y = (double)rows_at_once(at) / (decoder.max_v_samp_factor * decoder.min_DCT_scaled_size),
    };
  }
  u8 *first = reserve(&decoded_area, size);
  for (i32 at = 0; at < count; at++) decoded.planes[at].samples = first + offsets[at];
}

/* Decodes the JPEG that was opened to its planes; NULL where it has others than YCbCr. */
EXPORT(decode_planes) image *decode_planes(void) {
  const i32 count = plane_count();
  if (count == 0) return NULL;
  place_planes(count);
  u8 *next[3];
  for (i32 at = 0; at < count; at++) next[at] = decoded.planes[at].samples;
  JSAMPROW rows[3][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY images[3] = { rows[0], rows[1], rows[2] };
  decoder.raw_data_out = TRUE;
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    for (i32 at = 0; at < count; at++)
      for (unsigned row = 0; row < rows_at_once(at); row++, next[at] += decoded.planes[at].pitch) rows[at][row] = next[at];
    jpeg_read_raw_data(&decoder, images, (unsigned)(decoder.max_v_samp_factor * decoder.min_DCT_scaled_size));
  }
  jpeg_finish_decompress(&decoder);
  return &decoded;
}
