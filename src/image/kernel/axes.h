/* Where the samples of one axis come from. */
#pragma once
#include "images.h"

/* Weights are Q14 and sum to exactly 1. */
#define ONE 16384

/* For each of `count` outputs the first of `samples` inputs, and `taps` weights. */
typedef struct {
  double centre, step;
  i32 samples, count, taps;
  i32 *starts;
  i16 *weights;
} axis;

/* One axis of what is resampled: `samples` inputs from the first one on become `count` outputs. */
typedef struct {
  i32 first_input, samples, first_output, count;
  const axis *weights;
} planned_axis;

/* One axis of a request, in pixels of the two images: what is seen, what may have an influence, and where it goes. */
typedef struct {
  double box, box_length;
  i32 bounds, bounds_length, place, place_length;
} span;

/*
 * Plans an axis so that samples of different resolutions show the same place of the image: the source has `samples` of them, `scale` for each of
 * its pixels, the target one for `target_step` of its pixels.
 */
planned_axis plan_axis(const span *request, i32 samples, double scale, i32 target_step, i32 is_flipped);

/* To be called before the axes of a plane are planned: they are good until the next call. */
void forget_old_axes(void);
