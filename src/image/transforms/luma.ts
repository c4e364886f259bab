/** Brightness of a colour as torchvision reckons it, from 0 to 255, cut to a whole number. */
export function lumaOf(red: number, green: number, blue: number): number {
  return Math.floor(0.2989 * red + 0.587 * green + 0.114 * blue);
}
