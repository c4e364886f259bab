/* Memory, and the images that lie in it. */
#include <stdlib.h>
#include "images.h"

void *reserve(area *of, size_t size) {
  if (of->size >= size) return of->at;
  free(of->at);
  of->at = malloc(size + SLACK);
  if (of->at == NULL) __builtin_trap();
  of->size = size;
  return of->at;
}

void make_image(image *made, area *of, i32 kind, i32 width, i32 height) {
  if (kind == RGB) {
    *made = (image){ width, height, 3, 1, { { reserve(of, (size_t)width * height * 3), width * 3, width, height, 1, 1 } } };
    return;
  }
  const i32 step = kind == SUBSAMPLED ? 2 : 1, pitch = whole_blocks(width);
  const i32 chroma_width = (width + step - 1) / step, chroma_height = (height + step - 1) / step;
  const size_t size = (size_t)pitch * whole_blocks(height), chroma_size = size / (step * step);
  u8 *luma = reserve(of, size + 2 * chroma_size), *blue = luma + size, *red = blue + chroma_size;
  *made = (image){ width, height, 1, 3, {
    { luma, pitch, width, height, 1, 1 },
    { blue, pitch / step, chroma_width, chroma_height, 1. / step, 1. / step },
    { red, pitch / step, chroma_width, chroma_height, 1. / step, 1. / step },
  } };
}

EXPORT(canvas) image *canvas(i32 use, i32 kind, i32 width, i32 height) {
  static struct { image image; area area; } canvases[2][KINDS];
  image *made = &canvases[use][kind].image;
  make_image(made, &canvases[use][kind].area, kind, width, height);
  return made;
}

/* An image whose pixels JavaScript writes. */
EXPORT(load_rgb) image *load_rgb(i32 width, i32 height) {
  static image loaded;
  static area area;
  make_image(&loaded, &area, RGB, width, height);
  return &loaded;
}
