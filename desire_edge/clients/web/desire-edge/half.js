/** IEEE half precision, rounded to nearest, ties to even. */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** A number rounded to float32, then to float16: its 16 bits. Beyond 65,504 it is an infinity. */
export function toHalf(value) {
  FLOAT[0] = value;
  const bits = BITS[0];
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  if (exponent < 102) return sign; // below half of the smallest subnormal
  // Numbers under 2^-14 are multiples of 2^-24; the leading 1 is then written out.
  const [kept, dropped] =
    exponent < 113 ? [fraction | 0x800000, 126 - exponent] : [((exponent - 112) << 23) | fraction, 13];
  const half = kept >>> dropped;
  const rest = kept & ((1 << dropped) - 1);
  const middle = 1 << (dropped - 1);
  const rounded = half + (rest > middle || (rest === middle && half & 1) ? 1 : 0); // may carry into the exponent
  return sign | Math.min(rounded, 0x7c00);
}

/** The number that 16 bits stand for. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Numbers -> the bits of their halves (Uint16Array). */
export function toHalves(values) {
  return Uint16Array.from(values, toHalf);
}

/** The bits of halves -> their numbers (Float32Array). */
export function fromHalves(bits) {
  return Float32Array.from(bits, fromHalf);
}
