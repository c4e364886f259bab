/*
 * Weights of the Catmull-Rom cubic (Keys 1981, a = -0.5), widened when it shrinks so that nothing aliases. Samples outside of the box repeat those
 * of its edge.
 */
#include <stdlib.h>
#include <string.h>
#include "axes.h"

static double cubic(double x) {
  x = __builtin_fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static i32 clamp(i32 value, i32 low, i32 high) { return value < low ? low : value > high ? high : value; }

/*
 * Fills in what is not told: the centre of the first output lies at `centre`, that of input sample 0 at 0.5; the others follow at `step`, which is
 * negative where the image is mirrored.
 */
static void fill_weights(axis *of) {
  const double scale = __builtin_fabs(of->step) > 1 ? __builtin_fabs(of->step) : 1, support = 2 * scale;
  const i32 taps = ((i32)__builtin_ceil(4 * scale) + 3) & ~3;
  of->taps = taps;
  of->starts = malloc((size_t)of->count * (sizeof(i32) + taps * sizeof(i16)) + SLACK);
  if (of->starts == NULL) __builtin_trap();
  of->weights = (i16 *)(of->starts + of->count);
  for (i32 output = 0; output < of->count; output++) {
    const double centre = of->centre + output * of->step;
    i16 *row = of->weights + (size_t)output * taps;
    const i32 first = (i32)__builtin_floor(centre - support + 0.5), end = (i32)__builtin_floor(centre + support + 0.5);
    const i32 start = clamp(first, 0, of->samples - 1);
    of->starts[output] = start;
    double sum = 0;
    for (i32 sample = first; sample < end; sample++) sum += cubic((sample + 0.5 - centre) / scale);
    double edge = 0;
    i32 rest = ONE, best = 0;
    for (i32 tap = 0; tap < taps; tap++) row[tap] = 0;
    for (i32 sample = first; sample < end; sample++) {
      const i32 tap = clamp(sample, 0, of->samples - 1) - start;
      /* Several samples may fall on one of the edge: they are summed before they are rounded. */
      edge += cubic((sample + 0.5 - centre) / scale) / sum;
      if (sample + 1 < end && clamp(sample + 1, 0, of->samples - 1) - start == tap) continue;
      row[tap] = (i16)__builtin_floor(edge * ONE + 0.5);
      edge = 0;
      rest -= row[tap];
      if (row[tap] > row[best]) best = tap;
    }
    row[best] = (i16)(row[best] + rest);
  }
}

/* So many axes are kept, most of those of a run over images of one size, in a table with twice the places. */
#define KEPT 1024

static axis kept[2 * KEPT];
static i32 kept_count;

void forget_old_axes(void) {
  if (kept_count + 2 <= KEPT) return;
  for (i32 at = 0; at < 2 * KEPT; at++) free(kept[at].starts);
  memset(kept, 0, sizeof kept);
  kept_count = 0;
}

static uint64_t bits_of(double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

static const axis *find_axis(i32 samples, double centre, double step, i32 count) {
  /* Fibonacci hashing: https://en.wikipedia.org/wiki/Hash_function#Fibonacci_hashing */
  const uint64_t mixed = (bits_of(centre) ^ bits_of(step) << 1 ^ (uint64_t)samples << 20 ^ (uint64_t)count << 40) * 0x9e3779b97f4a7c15ull;
  uint32_t at = (uint32_t)(mixed >> 32) % (2 * KEPT);
  for (; kept[at].starts != NULL; at = (at + 1) % (2 * KEPT)) {
    const axis *known = &kept[at];
    if (known->samples == samples && known->centre == centre && known->step == step && known->count == count) return known;
  }
  kept[at] = (axis){ .centre = centre, .step = step, .samples = samples, .count = count };
  fill_weights(&kept[at]);
  kept_count++;
  return &kept[at];
}

planned_axis plan_axis(const span *request, i32 length, double scale, i32 target_step, i32 is_flipped) {
  const double step = request->box_length / request->place_length;
  /* When it enlarges, libvips places outputs by their corners: half an output pixel up and left of their centres. */
  const double origin = request->box + (step < 1 ? 0 : step / 2);
  const i32 first_output = request->place / target_step;
  const i32 count = (request->place + request->place_length + target_step - 1) / target_step - first_output;
  const double seen = first_output * target_step + (target_step - 1) / 2. - request->place;
  const double centre = origin + (is_flipped ? request->place_length - 1 - seen : seen) * step;
  const i32 first_input = (i32)__builtin_floor(request->bounds * scale);
  const double end = __builtin_ceil((request->bounds + request->bounds_length) * scale);
  const i32 samples = (end < length ? (i32)end : length) - first_input;
  return (planned_axis){
    .first_input = first_input,
    .samples = samples,
    .first_output = first_output,
    .count = count,
    .weights = find_axis(samples, centre * scale - first_input, (is_flipped ? -step : step) * target_step * scale, count),
  };
}
