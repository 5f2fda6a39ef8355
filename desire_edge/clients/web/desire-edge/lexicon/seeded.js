/** Vectors made from a name alone, in integer arithmetic: desire_edge/lexicon/seeded.py. */

const BITS = (value) => BigInt.asUintN(64, value);

/** The 64-bit FNV-1a hash of the name's UTF-8 bytes, a BigInt. */
export function nameHash(name) {
  let value = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name)) value = BITS((value ^ BigInt(byte)) * 0x100000001b3n);
  return value;
}

/** A vector [dim] (Float64Array) of length 1 that depends on the name only: splitmix64 from `nameHash(name)`. */
export function seededDirection(name, dim) {
  const direction = new Float64Array(dim);
  let counter = nameHash(name);
  for (let i = 0; i < dim; i++) {
    counter = BITS(counter + 0x9e3779b97f4a7c15n);
    let state = BITS((counter ^ (counter >> 30n)) * 0xbf58476d1ce4e5b9n);
    state = BITS((state ^ (state >> 27n)) * 0x94d049bb133111ebn);
    state ^= state >> 31n;
    direction[i] = 2 * (Number(state >> 11n) * 2 ** -53) - 1;
  }
  const length = norm(direction);
  return direction.map((value) => value / length);
}

/** The l2 norm of a vector, summed in double. */
export function norm(vector) {
  let square = 0;
  for (const value of vector) square += value * value;
  return Math.sqrt(square);
}
