#pragma once
#include "images.h"

/* Turns an image as EXIF's orientation (1 to 8) says; the sides of 5 to 8 are swapped. */
void orient(const image *from, image *to, i32 orientation);
