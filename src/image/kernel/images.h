/* Images in the kernel's memory. JavaScript reads `image` and `plane` as they lie there: see pixel-kernel.ts. */
#pragma once
#include "kernel.h"

/* Memory that grows to what is asked for and is then kept. */
typedef struct {
  void *at;
  size_t size;
} area;

/* At least `size` bytes and SLACK behind them. When it has to grow, what it held is lost. Traps where there is no memory. */
void *reserve(area *of, size_t size);

/* Samples of 8 bits: those of all three channels of each pixel, or those of one channel. */
typedef struct {
  u8 *samples;
  /* Bytes from one row to the next. */
  i32 pitch;
  i32 width, height;
  /* Samples for each pixel of the image, below 1 for chroma that is coarser than luma. */
  double scale_x, scale_y;
} plane;

/* RGB without gaps in one plane, or YCbCr in three, of which a gray image has the first alone. */
typedef struct {
  i32 width, height;
  /* 3 for RGB, 1 for planes. */
  i32 channels;
  i32 count;
  plane planes[3];
} image;

/* What a canvas holds: RGB, planes of 4:2:0 that are encoded, or planes that are all as fine. */
enum { RGB, SUBSAMPLED, FINE, KINDS };

/* Makes an image that has no pixels yet in place of what the area held. */
void make_image(image *made, area *of, i32 kind, i32 width, i32 height);

/* One for what is written (use 0) and one for what a model sees (use 1) of each kind. */
image *canvas(i32 use, i32 kind, i32 width, i32 height);

/* Sides of planes are rounded up to whole blocks of 16 luma samples. */
static inline i32 whole_blocks(i32 length) { return (length + 15) & ~15; }

/* Makes subsampled planes of RGB, which go on beyond the image to whole blocks as libjpeg has it. */
void split_rgb(const image *from, image *to);
