/*
 * YCbCr 4:2:0 in memory: luma, then blue and red differences at half the size. Sides are those of the image, rounded up to whole blocks of 16
 * luma samples.
 */
#pragma once
#include "kernel.h"

typedef struct {
  u8 *luma, *blue, *red;
  /* Bytes from one row to the next of luma; of the others it is half. */
  size_t pitch, rows;
} planes;

static inline planes planes_at(u8 *first, i32 width, i32 height) {
  const size_t pitch = ((size_t)width + 15) & ~(size_t)15, rows = ((size_t)height + 15) & ~(size_t)15;
  return (planes){ first, first + pitch * rows, first + pitch * rows + pitch * rows / 4, pitch, rows };
}
