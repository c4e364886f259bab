/** Base colours of products by name: `#rrggbb`, and how common each is. */
export const COLOURS = {
  Black: { hex: '#2b2b2f', weight: 22 },
  White: { hex: '#f4f4f1', weight: 12 },
  Blue: { hex: '#2f6fc4', weight: 11 },
  Brown: { hex: '#7a4a2b', weight: 8 },
  Grey: { hex: '#8f9398', weight: 6 },
  Red: { hex: '#c62f36', weight: 6 },
  Green: { hex: '#3f8f4f', weight: 5 },
  Pink: { hex: '#e98bab', weight: 4 },
  'Navy Blue': { hex: '#1f2c56', weight: 4 },
  Purple: { hex: '#7150a3', weight: 4 },
  Silver: { hex: '#c3c8ce', weight: 2 },
  Yellow: { hex: '#f0c93a', weight: 2 },
  Beige: { hex: '#ddc9a3', weight: 2 },
  Gold: { hex: '#c9a03f', weight: 2 },
  Maroon: { hex: '#6d1f2f', weight: 1.5 },
  Orange: { hex: '#e8792b', weight: 1.5 },
  Olive: { hex: '#6e6f37', weight: 1 },
  Cream: { hex: '#f1e6c8', weight: 1 },
  Khaki: { hex: '#a8966b', weight: 1 },
  Tan: { hex: '#bd8a58', weight: 1 },
  Teal: { hex: '#1f7f80', weight: 1 },
  Peach: { hex: '#f4b490', weight: 0.7 },
  'Turquoise Blue': { hex: '#35b5c5', weight: 0.5 },
  Magenta: { hex: '#b8307f', weight: 0.5 },
} as const satisfies Record<string, { hex: string; weight: number }>;

/** Name of a base colour. */
export type Colour = keyof typeof COLOURS;

/** Mixes two colours `#rrggbb`: `share` 0 gives the first, 1 the second. */
export function mix(from: string, to: string, share: number): string {
  const channel = (start: number): string => {
    const [a, b] = [from, to].map((colour) => Number.parseInt(colour.slice(start, start + 2), 16));
    return Math.round((a ?? 0) + ((b ?? 0) - (a ?? 0)) * share)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}
