import type { Plane, Resampling } from './kernel-images.ts';
import type { AxisPlan } from './kernel-memory.ts';

/** A stretch of pixels along one axis. */
interface Span {
  readonly start: number;
  readonly length: number;
}

/** One axis of a box that is resampled to a place on a canvas. All spans are in pixels of the two images. */
interface AxisRequest {
  /** What is seen; its ends may lie between pixels. */
  readonly box: Span;
  /** What may have an influence. */
  readonly bounds: Span;
  readonly place: Span;
  /** Samples of the source for each of its pixels (below 1 for chroma at a lower resolution), and how many it has. */
  readonly source: { readonly scale: number; readonly length: number };
  /** Pixels of the canvas for each of its samples. */
  readonly targetStep: number;
  readonly isFlipped: boolean;
}

/** Which samples of the source and of the canvas take part, and how they lie to each other. */
export interface PlannedAxis extends AxisPlan {
  readonly firstInput: number;
  readonly firstOutput: number;
}

/** Plans one axis so that samples of different resolutions show the same place of the image. */
function planAxis({ box, bounds, place, source, targetStep, isFlipped }: AxisRequest): PlannedAxis {
  const step = box.length / place.length;
  // When it enlarges, libvips places outputs by their corners: half an output pixel up and left of their centres.
  const origin = box.start + (step < 1 ? 0 : step / 2);
  const firstOutput = Math.floor(place.start / targetStep);
  const count = Math.ceil((place.start + place.length) / targetStep) - firstOutput;
  const seen = firstOutput * targetStep + (targetStep - 1) / 2 - place.start;
  const centre = origin + (isFlipped ? place.length - 1 - seen : seen) * step;
  const firstInput = Math.floor(bounds.start * source.scale);
  const end = Math.min(source.length, Math.ceil((bounds.start + bounds.length) * source.scale));
  return {
    firstInput,
    samples: end - firstInput,
    centre: centre * source.scale - firstInput,
    step: (isFlipped ? -step : step) * targetStep * source.scale,
    firstOutput,
    count,
  };
}

type Resolution = Pick<Plane, 'scaleX' | 'scaleY'>;

/** Plans both axes of a box that goes from one plane to another, which may have other resolutions. */
export function planAxes(
  source: Omit<Plane, 'address' | 'pitch'>,
  target: Resolution,
  { box, bounds, place, isFlipped }: Resampling,
): [PlannedAxis, PlannedAxis] {
  return [
    planAxis({
      box: { start: box.left, length: box.width },
      bounds: { start: bounds.left, length: bounds.width },
      place: { start: place.left, length: place.width },
      source: { scale: source.scaleX, length: source.width },
      targetStep: 1 / target.scaleX,
      isFlipped,
    }),
    planAxis({
      box: { start: box.top, length: box.height },
      bounds: { start: bounds.top, length: bounds.height },
      place: { start: place.top, length: place.height },
      source: { scale: source.scaleY, length: source.height },
      targetStep: 1 / target.scaleY,
      isFlipped: false,
    }),
  ];
}
